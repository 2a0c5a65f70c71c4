import { randomBytes } from 'node:crypto';
import { Jid } from '#src/address/jid.ts';
import type { Timed, Timers } from '#src/net/timers.ts';
import { json } from '#src/store/codec.ts';
import type { Store, Table } from '#src/store/store.ts';

/** A document that a phone has published, at rest. */
interface Row {
  readonly version: 1;
  /** The device that it is about, a full address. */
  readonly device: string;
  /** As it came. */
  readonly body: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

const rows = json<Row>({
  check(value) {
    const row = value as Row;
    if (row.version !== 1)
      throw new RangeError(`a publication of version ${String(row.version)}; this program knows version 1`);
    return row;
  },
});

/** Told what a device shows: the document in force, or none any more. */
export type Shown = (device: Jid, body: Buffer | undefined) => void;

/** RFC 3903 section 6: what phones publish, by entity-tag, until it expires. A device shows what was published for it last. */
export class Publications {
  readonly #rows: Table<Row>;
  readonly #timers: Timers;
  readonly #shown: Shown;
  readonly #accounts = new Map<string, Map<string, Publication>>();
  #count = 0;
  /** Plain numbers: read by the metrics. */
  readonly counters = { expired: 0 };

  constructor(store: Store, timers: Timers, shown: Shown) {
    this.#rows = store.table('sip-publications', rows);
    this.#timers = timers;
    this.#shown = shown;
  }

  get size(): number {
    return this.#count;
  }

  /** Those of an account. */
  count(account: Jid): number {
    return this.#accounts.get(account.bare)?.size ?? 0;
  }

  /** The device of a publication that stands. */
  device(account: Jid, tag: string): Jid | undefined {
    return this.#accounts.get(account.bare)?.get(tag)?.device;
  }

  /** The document that a device shows. */
  of(device: Jid): Buffer | undefined {
    let found: Buffer | undefined;
    for (const one of this.#accounts.get(device.bare)?.values() ?? []) {
      if (one.device.full === device.full) found = one.body;
    }
    return found;
  }

  /** An initial publication. @param seconds for which it holds, above 0 @returns its entity-tag */
  publish(device: Jid, body: Buffer, seconds: number): string {
    const tag = this.#add(device, body, Date.now() + seconds * 1000);
    this.#shown(device, body);
    return tag;
  }

  /** Section 4.1: "each successful PUBLISH … a new entity-tag". @param body undefined leaves the document as it is @returns undefined where there is none */
  renew(account: Jid, tag: string, body: Buffer | undefined, seconds: number): string | undefined {
    const known = this.#accounts.get(account.bare)?.get(tag);
    if (known === undefined) return undefined;
    this.#drop(known);
    const next = this.#add(known.device, body ?? known.body, Date.now() + seconds * 1000);
    if (body !== undefined) this.#shown(known.device, body);
    return next;
  }

  /** False where there is none. */
  remove(account: Jid, tag: string): boolean {
    const known = this.#accounts.get(account.bare)?.get(tag);
    if (known === undefined) return false;
    this.#drop(known);
    this.#shown(known.device, this.of(known.device));
    return true;
  }

  /** All of an account, or all for one device. */
  forget(of: Jid): void {
    for (const one of [...(this.#accounts.get(of.bare)?.values() ?? [])]) {
      if (of.resource === '' || of.resource === one.device.resource) this.remove(of, one.tag);
    }
  }

  /** Those of the last process; what expired meanwhile is gone. */
  async restore(): Promise<void> {
    const now = Date.now();
    for await (const [[domain = '', local = '', tag = ''], { body, device, expires }] of this.#rows.scan([])) {
      const jid = Jid.parse(device);
      if (jid === undefined || expires <= now) this.#rows.delete([domain, local, tag]);
      else this.#keep(new Publication(jid, tag, Buffer.from(body), expires, this));
    }
    for (const publications of this.#accounts.values())
      for (const { body, device } of publications.values()) this.#shown(device, body);
  }

  #add(device: Jid, body: Buffer, expires: number): string {
    const tag = randomBytes(9).toString('hex');
    const row: Row = { version: 1, device: device.full, body: body.toString(), expires };
    this.#rows.put([device.domain, device.local, tag], row);
    this.#keep(new Publication(device, tag, body, expires, this));
    return tag;
  }

  #keep(publication: Publication): void {
    const { bare } = publication.device;
    const known = this.#accounts.get(bare) ?? new Map<string, Publication>();
    this.#accounts.set(bare, known.set(publication.tag, publication));
    this.#count += 1;
    this.#timers.add(publication, Math.max(0, publication.expires - Date.now()));
  }

  #drop(publication: Publication): void {
    const { device, tag } = publication;
    const known = this.#accounts.get(device.bare);
    if (known?.delete(tag) !== true) return;
    if (known.size === 0) this.#accounts.delete(device.bare);
    this.#count -= 1;
    this.#timers.remove(publication);
    this.#rows.delete([device.domain, device.local, tag]);
  }

  /** Section 6.3: "expired event state". */
  due({ device, tag }: Publication): void {
    this.counters.expired += 1;
    this.remove(device, tag);
  }
}

class Publication implements Timed {
  readonly device: Jid;
  readonly tag: string;
  readonly body: Buffer;
  /** Milliseconds since 1970. */
  readonly expires: number;
  readonly #owner: Publications;

  constructor(device: Jid, tag: string, body: Buffer, expires: number, owner: Publications) {
    this.device = device;
    this.tag = tag;
    this.body = body;
    this.expires = expires;
    this.#owner = owner;
  }

  onTimeout(): void {
    this.#owner.due(this);
  }
}
