import { opaque } from '../attribute.ts';

/** RFC 8656 section 18.10. */
export const reservationToken = opaque(0x0022, 'RESERVATION-TOKEN', 8, 8);
