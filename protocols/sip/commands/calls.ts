import { open } from 'node:fs/promises';
import { host, hostOf, quoted } from '#src/admin/commands/common.ts';
import { type Command, CommandError, defineCommand, type Row } from '#src/admin/commands.ts';
import type { AdminParts } from '#src/admin/parts.ts';
import { SipUri } from '../message/uri.ts';
import type { Call } from '../proxy/call.ts';
import type { CallRecord } from '../proxy/call-records.ts';
import type { SipServer } from '../server.ts';
import { sipOf, tags, timeOf } from './common.ts';

const id = { name: 'id', type: 'string', description: 'As calls_list tells it' } as const;
const day = <const Name extends string>(name: Name, description: string) =>
  ({ name, type: 'string', description, default: '' }) as const;
const since = day(
  'from',
  'Calls that began then or later: a date such as 2026-11-21, or a time such as 2026-11-21T08:00Z',
);
const until = day('to', 'Calls that began before: a date or a time');

function rowOf({ media }: SipServer, call: Call): Row {
  const now = Date.now();
  const traffic = media.traffic(call);
  return {
    id: call.id,
    from: call.from,
    to: call.to,
    state: call.state,
    started: timeOf(call.started),
    duration: call.duration(now),
    counted: call.charges.map(({ kind, name }) => `${kind} ${name}`).join(', '),
    media: traffic === undefined ? '' : 'relayed',
    packets: traffic?.packets ?? 0,
    bytes: traffic?.bytes ?? 0,
  };
}

/** @throws CommandError 404 */
function callOf(parts: AdminParts, name: string): Call {
  const call = sipOf(parts).activeCalls.get(name);
  if (call === undefined) throw new CommandError(404, `there is no call ${quoted(name)}`);
  return call;
}

function isOf(sip: SipServer, domain: string, uri: string): boolean {
  const parsed = SipUri.parse(uri);
  return parsed !== undefined && sip.addresses.domain(parsed) === domain;
}

const list = defineCommand({
  name: 'calls_list',
  description:
    'The calls of phones of a host, those that ring and those that were answered; and of those whose media is relayed, how much came.',
  tags,
  arguments: [host],
  result: 'table',
  run(parts, args) {
    const sip = sipOf(parts);
    const domain = hostOf(parts, args.host);
    const calls = [...sip.activeCalls].filter(
      ({ from, parties, to }) =>
        isOf(sip, domain, from) ||
        isOf(sip, domain, to) ||
        parties.some(({ kind, name }) => kind === 'account' && name.endsWith(`@${domain}`)),
    );
    return calls.map((call) => rowOf(sip, call));
  },
});

const info = defineCommand({
  name: 'call_info',
  description: 'One call: who, since when, and where the phones are.',
  tags,
  arguments: [id],
  result: 'tuple',
  run(parts, args) {
    const call = callOf(parts, args.id);
    return {
      ...rowOf(sipOf(parts), call),
      answered: timeOf(call.answered ?? 0),
      call_id: call.callId,
      ip: call.ip,
      user_agent: call.userAgent,
      caller_contact: call.target('caller'),
      callee_contact: call.target('callee'),
    };
  },
});

const hangUp = defineCommand({
  name: 'call_hangup',
  description: 'End a call: one that rings is cancelled, in one that was answered both phones are told to hang up.',
  tags,
  arguments: [
    id,
    { name: 'reason', type: 'string', description: 'Told to the phones', default: 'Ended by an operator' },
  ],
  result: 'rescode',
  run: (parts, args) => sipOf(parts).activeCalls.hangUp(callOf(parts, args.id), args.reason),
});

const columns = [
  'id',
  'from',
  'to',
  'started',
  'answered',
  'ended',
  'duration',
  'status',
  'ended_by',
  'ip',
  'user_agent',
  'call_id',
  'caller',
  'callee',
  'trunk',
] as const;

const recordRow = (record: CallRecord): Record<(typeof columns)[number], string | number> => ({
  id: record.id,
  from: record.from,
  to: record.to,
  started: timeOf(record.started),
  answered: timeOf(record.answered ?? 0),
  ended: timeOf(record.ended),
  duration: record.duration,
  status: record.status,
  ended_by: record.endedBy,
  ip: record.ip,
  user_agent: record.userAgent,
  call_id: record.callId,
  caller: record.caller ?? '',
  callee: record.callee ?? '',
  trunk: record.trunk ?? '',
});

/** @throws CommandError 400 */
function instant(text: string, absent: number): number {
  const time = text === '' ? absent : Date.parse(text);
  if (Number.isNaN(time)) throw new CommandError(400, `${quoted(text)} is no date`);
  return time;
}

const recordList = defineCommand({
  name: 'cdr_list',
  description: 'Calls that are over, the latest first.',
  tags,
  arguments: [
    host,
    { name: 'user', type: 'string', description: 'Only calls of this account; empty for all', default: '' },
    since,
    until,
    { name: 'limit', type: 'integer', description: 'How many at most', default: 100 },
  ],
  result: 'table',
  async run(parts, args) {
    const rows: Row[] = [];
    const filter = {
      ...(args.user === '' ? {} : { user: args.user }),
      since: instant(args.from, 0),
      until: instant(args.to, Infinity),
    };
    if (args.limit <= 0) return rows;
    for await (const record of sipOf(parts).records.list(hostOf(parts, args.host), filter)) {
      if (rows.push(recordRow(record)) >= args.limit) break;
    }
    return rows;
  },
});

/** RFC 4180. What begins like a formula gets an apostrophe, since spreadsheets would carry it out. */
function cell(value: string | number): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const recordExport = defineCommand({
  name: 'cdr_export',
  description: 'Write the calls of a host that are over to a file, as comma-separated values. Answers how many.',
  tags,
  arguments: [
    host,
    { name: 'file', type: 'string', description: 'Path of the file, which must not exist', file: true },
    since,
    until,
  ],
  result: 'value',
  async run(parts, args) {
    const domain = hostOf(parts, args.host);
    const filter = { since: instant(args.from, 0), until: instant(args.to, Infinity) };
    const file = await open(args.file, 'wx', 0o600).catch((error: unknown) => {
      throw new CommandError(400, `${quoted(args.file)} cannot be written: ${String(error)}`);
    });
    let count = 0;
    try {
      await file.write(`${columns.join(',')}\r\n`);
      for await (const record of sipOf(parts).records.list(domain, filter)) {
        const row = recordRow(record);
        await file.write(`${columns.map((name) => cell(row[name])).join(',')}\r\n`);
        count += 1;
      }
    } finally {
      await file.close();
    }
    return count;
  },
});

export const callCommands: readonly Command[] = [list, info, hangUp, recordList, recordExport];
