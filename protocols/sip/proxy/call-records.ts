/** Call detail records: what is kept of calls that are over. */
import { json } from '#src/store/codec.ts';
import type { Journal, Store } from '#src/store/store.ts';
import type { Jid } from '#src/address/jid.ts';
import { parseUri, SipUri, type Uri } from '#protocols/sip/message/uri.ts';
import type { Call, CallEnd } from './call.ts';

export interface CallRecord {
  readonly id: string;
  readonly callId: string;
  readonly from: string;
  readonly to: string;
  /** Milliseconds since 1970. */
  readonly started: number;
  /** Absent when it was never answered. */
  readonly answered?: number;
  readonly ended: number;
  /** Seconds between answer and end. */
  readonly duration: number;
  /** Final status of the INVITE; 0 when there was none. */
  readonly status: number;
  readonly endedBy: CallEnd;
  /** Of the caller. */
  readonly ip: string;
  readonly userAgent: string;
  /** The account that proved to call, whatever From says; and the one that was called, by whatever number. Absent for people elsewhere. */
  readonly caller?: string;
  readonly callee?: string;
  /** By which the call came or went. */
  readonly trunk?: string;
}

export interface RecordFilter {
  /** Who took part, as caller or callee: the local part of an account. */
  readonly user?: string;
  /** Milliseconds since 1970. */
  readonly since?: number;
  readonly until?: number;
}

export interface CallRecordsParts {
  readonly store: Store;
  /** The served host that a URI belongs to. */
  readonly hostOf: (uri: SipUri) => string | undefined;
  /** The account that a URI means, by its name or by a telephone number. */
  readonly accountOf: (uri: Uri) => Jid | undefined;
  /** Records that a host keeps; the oldest give way. 0 keeps none. */
  readonly limit: (host: string) => number;
}

const CHUNK = 500;
/** Characters that are kept of what a phone says of itself. */
const LONGEST = 256;

export class CallRecords {
  readonly #journal: Journal<CallRecord>;
  readonly #parts: CallRecordsParts;

  constructor(parts: CallRecordsParts) {
    this.#parts = parts;
    this.#journal = parts.store.journal('sip-calls', json<CallRecord>());
  }

  /** Keeps a call that is over, for the hosts of both sides. */
  add(call: Call): void {
    const to = parseUri(call.to);
    const callee = to && this.#parts.accountOf(to);
    const record = recordOf(call, callee?.bare);
    const hosts = [call.from, call.to].flatMap((text) => {
      const uri = SipUri.parse(text);
      return (uri && this.#parts.hostOf(uri)) ?? [];
    });
    for (const account of [record.caller, record.callee]) if (account !== undefined) hosts.push(domainOf(account));
    for (const host of new Set(hosts)) {
      const limit = this.#parts.limit(host);
      if (limit === 0) continue;
      const seq = this.#journal.append([host], record);
      if (this.#journal.length([host]) > limit) this.#journal.trim([host], seq - limit);
    }
  }

  /** The records of a host, the latest first; other work is done between them. */
  async *list(host: string, filter: RecordFilter = {}): AsyncIterable<CallRecord> {
    const { first, last } = this.#journal.bounds([host]) ?? { first: 1, last: 0 };
    for (let end = last; end >= first; end -= CHUNK) {
      const begin = Math.max(first, end - CHUNK + 1);
      const entries = this.#journal.read([host], begin, end - begin + 1);
      for (const { seq, value } of entries.toReversed()) if (seq <= end && fits(value, filter, host)) yield value;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
}

function fits(record: CallRecord, { since = 0, until = Infinity, user }: RecordFilter, host: string): boolean {
  const { callee, caller, from, started, to } = record;
  if (started < since || started >= until) return false;
  if (user === undefined || caller === `${user}@${host}` || callee === `${user}@${host}`) return true;
  return [from, to].some((uri) => SipUri.parse(uri)?.user === user);
}

const domainOf = (account: string): string => account.slice(account.lastIndexOf('@') + 1);

function recordOf(call: Call, callee: string | undefined): CallRecord {
  const { answered, callId, ended = call.started, endedBy = 'expired', from, id, ip, started, status, to } = call;
  const [caller, trunk] = (['account', 'trunk'] as const).map((kind) => call.parties.find((one) => one.kind === kind));
  const short = (text: string): string => text.slice(0, LONGEST).toWellFormed();
  return {
    id,
    callId: short(callId),
    from: short(from),
    to: short(to),
    started,
    ...(answered === undefined ? {} : { answered }),
    ended,
    duration: call.duration(ended),
    status,
    endedBy,
    ip,
    userAgent: short(call.userAgent),
    ...(caller === undefined ? {} : { caller: caller.name }),
    ...(callee === undefined ? {} : { callee }),
    ...(trunk === undefined ? {} : { trunk: trunk.name }),
  };
}
