import { z } from 'zod';

/** The section `xmpp` of the settings. Durations in milliseconds, sizes in bytes once parsed. */
