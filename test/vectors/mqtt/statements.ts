/**
 * The normative statements of MQTT 5 and 3.1.1 (appendix B of each) and where each is tested: a file of test/scripts/mqtt with a test that
 * names it in its title. Statements of 3.1.1 have `MQTT311-` before their number, where the standard has `MQTT-` for both.
 */
import { mqtt311 } from './mqtt311.ts';
import { mqtt5 } from './mqtt5.ts';

/** Whom a statement binds. One that binds the client alone may be tested all the same: by what the server does when it is broken. */
export type Binds = 'server' | 'client' | 'both';

/** `test` is the file without `.test.ts`; without one, `reason` says why there is no test of a server. */
export type Statement =
  | readonly [id: string, binds: Binds, test: string]
  | readonly [id: string, binds: Binds, test: undefined, reason: string];

export const STATEMENTS: readonly Statement[] = [...mqtt5, ...mqtt311];

/** What a statement of MQTT 5 about malformed packets is called in 3.1.1. */
const OLD: ReadonlyMap<string, readonly string[]> = new Map([
  ['MQTT-1.5.4-1', ['MQTT311-1.5.3-1']],
  ['MQTT-1.5.4-2', ['MQTT311-1.5.3-2']],
  ['MQTT-2.1.3-1', ['MQTT311-2.2.2-1', 'MQTT311-2.2.2-2']],
  ['MQTT-3.3.1-4', ['MQTT311-3.3.1-4']],
  ['MQTT-3.3.2-1', ['MQTT311-3.3.2-1']],
  ['MQTT-3.3.2-2', ['MQTT311-3.3.2-2']],
  ['MQTT-3.6.1-1', ['MQTT311-3.6.1-1']],
  ['MQTT-3.8.1-1', ['MQTT311-3.8.1-1']],
  ['MQTT-3.10.1-1', ['MQTT311-3.10.1-1']],
  ['MQTT-3.14.1-1', ['MQTT311-3.14.1-1']],
  ['MQTT-4.7.3-2', ['MQTT311-4.7.3-2']],
]);

/** The ids of what malformed.ts says that a case breaks, as this table has them; a section where it gives no statement. */
export function statementsOf(named: string, version: number): readonly string[] {
  // 3.1.1 has one number with a dash for a dot: MQTT-3-8.3-4.
  const [, old, id] = /^(3\.1\.1 )?\[(MQTT-[\d.]+-\d+)\]$/.exec(named.replace('-3-8.', '-3.8.')) ?? [];
  if (id === undefined) return [named];
  if (old !== undefined) return [id.replace('MQTT', 'MQTT311')];
  return version === 4 ? [id, ...(OLD.get(id) ?? [])] : [id];
}
