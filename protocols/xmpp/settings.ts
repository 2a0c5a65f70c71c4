import { z } from 'zod';
import { declare } from '#src/settings/declaration.ts';
import { limitsSection, tlsSection } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import { group, many } from '#src/settings/types.ts';
import type { ScannerLimits } from '#src/stanza/xml-faults.ts';
import type { XmppOptions } from './server.ts';
import { mechanismNames } from './stream/sasl-mechanisms.ts';

export const xmppSection = declare(
  'xmpp',
  group({
    resource_conflict: z
      .enum(['closeold', 'closenew', 'setresource'])
      .prefault('closeold')
      .describe(
        'When a resource is bound twice: close the old session, refuse the new one, or give the new one another resource.',
      ),
    plain_without_tls: z
      .enum(['never', 'loopback'])
      .prefault('loopback')
      .describe('Whether passwords are taken in the clear: never, or from this machine only.'),
    disabled_mechanisms: many(z.enum(mechanismNames))
      .prefault([])
      .describe('SASL mechanisms that are not offered, such as SCRAM-SHA-1.'),
  }).describe('The XMPP service.'),
  false,
);

/** RFC 6120 section 13.12 leaves the figures to us; a start tag with hundreds of attributes is no stanza. */
const ATTRIBUTES = 128;
const DEPTH_BEFORE = 16;
const ELEMENTS_BEFORE = 64;

/** The options of the front end from the settings in force. */
export function optionsOf(settings: Settings): XmppOptions {
  const limits = settings.of(limitsSection);
  const own = settings.of(xmppSection);
  const limitsBefore: ScannerLimits = {
    maxBytes: limits.stanza_size_before_auth,
    maxDepth: DEPTH_BEFORE,
    maxAttributes: ATTRIBUTES,
    maxElements: ELEMENTS_BEFORE,
  };
  const limitsAfter: ScannerLimits = {
    maxBytes: limits.stanza_size,
    maxDepth: limits.stanza_depth,
    maxAttributes: ATTRIBUTES,
    maxElements: limits.stanza_elements,
  };
  return {
    authTimeout: limits.auth_timeout,
    authAttempts: limits.auth_attempts,
    queueBytes: limits.session_queue,
    limitsBefore,
    limitsAfter,
    resourceConflict: own.resource_conflict,
    plainWithoutTls: own.plain_without_tls,
    disabledMechanisms: new Set<string>(own.disabled_mechanisms),
    tlsOnLoopback: settings.of(tlsSection).required_on_loopback,
  };
}
