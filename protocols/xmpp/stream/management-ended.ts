import type { Jid } from '#src/address/jid.ts';
import type { Management } from './management.ts';
import type { EndedRow, ManagementRows } from './management-store.ts';

/** Ended sessions that are remembered at most, and for how long, in milliseconds. */
const REMEMBERED = 10_000;
const REMEMBERED_FOR = 86_400_000;

/** How far ended sessions had come, so that their clients learn what not to send again: XEP-0198 section 5, the `h` of `<failed/>`. */
export class EndedSessions {
  readonly #rows: ManagementRows;
  readonly #ended = new Map<string, EndedRow>();

  constructor(rows: ManagementRows) {
    this.#rows = rows;
  }

  /** @param now milliseconds since the epoch */
  add({ id, inbound, session, terms }: Management, now: number): void {
    if (terms.timeout === 0) return;
    const row: EndedRow = { account: session.jid.bare, inbound, until: now + REMEMBERED_FOR };
    this.#ended.set(id, row);
    if (terms.kept) this.#rows.putEnded(id, row);
    for (const [oldest, { until }] of this.#ended) {
      if (this.#ended.size <= REMEMBERED && until > now) return;
      this.#ended.delete(oldest);
      this.#rows.removeEnded(oldest);
    }
  }

  /** The stanzas that a session of this account had handled; undefined when nothing is known of it. */
  handled(id: string, account: Jid | undefined, now: number): number | undefined {
    const row = this.#ended.get(id);
    return row !== undefined && row.account === account?.bare && row.until > now ? row.inbound : undefined;
  }

  async restore(now: number): Promise<void> {
    const rows: (readonly [id: string, row: EndedRow])[] = [];
    for await (const row of this.#rows.ended()) rows.push(row);
    rows.sort(([, one], [, other]) => one.until - other.until);
    for (const [id, row] of rows) {
      if (row.until > now) this.#ended.set(id, row);
      else this.#rows.removeEnded(id);
    }
  }
}
