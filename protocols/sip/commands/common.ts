import { CommandError } from '#src/admin/commands.ts';
import type { AdminParts } from '#src/admin/parts.ts';
import type { SipServer } from '../server.ts';
import '../services.ts';

export const tags = ['sip'];

/** @throws CommandError 404 */
export function sipOf(parts: AdminParts): SipServer {
  const { sip } = parts.services;
  if (sip === undefined) throw new CommandError(404, 'there is no SIP server');
  return sip;
}

export const timeOf = (ms: number): string => (ms === 0 ? '' : new Date(ms).toISOString());
