import { Buffer } from 'node:buffer';
import type { Origin } from '#src/session/session.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { type Codec, json } from '#src/store/codec.ts';
import { type StoredStanza, stanzas } from '#src/im/stanza-codec.ts';
import type { Store, Table } from '#src/store/store.ts';

/** What a session is, beside its counters and queue. */
export interface SessionHead {
  readonly account: string;
  readonly resource: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly origin: Origin;
  readonly xmlns: string;
  /** How long it may be without a stream, in milliseconds. */
  readonly timeout: number;
  /** When its time without a stream is over, in milliseconds since the epoch; null while it has a stream. */
  readonly expires: number | null;
  readonly priority: number;
  readonly interested: boolean;
  readonly carbons: boolean;
  readonly watchesBlocking: boolean;
  readonly directed: readonly string[];
}

export interface SessionRow {
  readonly head: SessionHead;
  readonly presence: Stanza | undefined;
}

/** Stanzas handled, acknowledged by the peer, and numbered for it. */
export type Counters = readonly [inbound: number, acked: number, sent: number];

/** What is remembered of a session that ended: how far it had come (XEP-0198 section 5). */
export interface EndedRow {
  readonly account: string;
  readonly inbound: number;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

const NEWLINE = 10;

/** One line of JSON, then the presence stanza if there is one. */
const sessionRows: Codec<SessionRow> = {
  encode({ head, presence }) {
    const line = Buffer.from(`${JSON.stringify(head)}\n`);
    return presence === undefined ? line : Buffer.concat([line, stanzas.encode({ stanza: presence, at: 0 })]);
  },

  decode(bytes) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const end = buffer.indexOf(NEWLINE);
    if (end < 0) throw new Error('a stored session has no head');
    const head = JSON.parse(buffer.toString('utf8', 0, end)) as SessionHead;
    const rest = buffer.subarray(end + 1);
    return { head, presence: rest.length === 0 ? undefined : stanzas.decode(rest).stanza };
  },
};

/** Digits of a number in a key: the order of the keys is that of the numbers. */
const DIGITS = 16;

/** What stream management keeps in the store, so that sessions survive a restart of the server. Keys begin with the session's id. */
export class ManagementRows {
  readonly #sessions: Table<SessionRow>;
  readonly #counters: Table<Counters>;
  readonly #stanzas: Table<StoredStanza>;
  readonly #ended: Table<EndedRow>;

  constructor(store: Store) {
    this.#sessions = store.table('sm-session', sessionRows);
    this.#counters = store.table('sm-counters', json<Counters>());
    this.#stanzas = store.table('sm-stanza', stanzas);
    this.#ended = store.table('sm-ended', json<EndedRow>());
  }

  putSession(id: string, row: SessionRow): void {
    this.#sessions.put([id], row);
  }

  putCounters(id: string, counters: Counters): void {
    this.#counters.put([id], counters);
  }

  putStanza(id: string, count: number, stanza: StoredStanza): void {
    this.#stanzas.put([id, String(count).padStart(DIGITS, '0')], stanza);
  }

  removeStanza(id: string, count: number): void {
    this.#stanzas.delete([id, String(count).padStart(DIGITS, '0')]);
  }

  /** Forgets a session; its stanzas are removed one by one by who knows them. */
  removeSession(id: string): void {
    this.#sessions.delete([id]);
    this.#counters.delete([id]);
  }

  putEnded(id: string, row: EndedRow): void {
    this.#ended.put([id], row);
  }

  removeEnded(id: string): void {
    this.#ended.delete([id]);
  }

  counters(id: string): Counters {
    return this.#counters.get([id]) ?? [0, 0, 0];
  }

  async *sessions(): AsyncGenerator<readonly [id: string, row: SessionRow]> {
    for await (const [[id = ''], row] of this.#sessions.scan([])) yield [id, row];
  }

  /** Of all sessions; those of one session together, in the order of their numbers. */
  async *stanzas(): AsyncGenerator<readonly [id: string, count: number, stanza: StoredStanza]> {
    for await (const [[id = '', count], stanza] of this.#stanzas.scan([])) yield [id, Number(count), stanza];
  }

  async *ended(): AsyncGenerator<readonly [id: string, row: EndedRow]> {
    for await (const [[id = ''], row] of this.#ended.scan([])) yield [id, row];
  }
}
