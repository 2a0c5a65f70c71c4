import { Buffer } from 'node:buffer';
import type { Copies } from '#src/session/copies.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import type { ManagementRows } from './management-store.ts';

/** `h` is an unsignedInt: it goes from 2^32 − 1 back to zero (XEP-0198 section 4). Numbers inside are plain and never wrap. */
const WRAP = 2 ** 32;

export function onWire(count: number): number {
  return count % WRAP;
}

/** The number that a peer's `h` stands for: the one nearest to `acked`. Negative when it stands for none. */
export function offWire(h: number, acked: number): number {
  const ahead = (h - onWire(acked) + WRAP) % WRAP;
  return acked + (ahead < WRAP / 2 ? ahead : ahead - WRAP);
}

/** An outbound stanza that the peer has not acknowledged. */
export interface Entry {
  /** Its number among the stanzas of the session, from 1. */
  count: number;
  stanza: Stanza;
  /** When it was first to be sent, milliseconds since the epoch. */
  readonly at: number;
  /** It is in the store, or in the open group. */
  stored: boolean;
  /** What other sessions of the account got of the same message. */
  copies: Copies | undefined;
}

/** What a stanza weighs beside its content, roughly. */
const OVERHEAD = 256;

/**
 * The outbound side of stream management: stanzas in order, numbered, until the peer acknowledges them. Numbers are without a gap,
 * except in a session that came back after a restart and has not been resumed yet.
 */
export class UnacknowledgedQueue {
  /** The last number that the peer acknowledged. */
  acked = 0;
  /** The last number given. */
  sent = 0;
  /** Bytes, roughly. */
  size = 0;
  #entries: Entry[] = [];
  /** Everything up to this number is stored, or need not be. */
  #saved = 0;
  /** Numbers that are stored and have to go. */
  #gone: number[] = [];

  get length(): number {
    return this.#entries.length;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  get last(): Entry | undefined {
    return this.#entries.at(-1);
  }

  push(stanza: Stanza, at: number): void {
    this.sent += 1;
    this.size += stanza.content.length + OVERHEAD;
    this.#entries.push({ count: this.sent, stanza, at, stored: false, copies: undefined });
  }

  /** The entry of that number, in a queue without gaps. */
  at(count: number): Entry | undefined {
    return this.#entries[count - this.acked - 1];
  }

  /** Takes out everything up to this number. @returns true when some of it was stored */
  acknowledge(through: number): boolean {
    const left = this.#entries.findIndex(({ count }) => count > through);
    const gone = this.#entries.splice(0, left < 0 ? this.#entries.length : left);
    this.acked = through;
    const before = this.#gone.length;
    for (const { copies, count, stanza, stored } of gone) {
      this.size -= stanza.content.length + OVERHEAD;
      if (stored) this.#gone.push(count);
      copies?.acknowledged();
    }
    return this.#gone.length > before;
  }

  /** Numbers what is left anew from where the peer stands, as the peer will count it. @returns true when a number changed */
  renumber(from: number): boolean {
    this.acked = from;
    let changed = false;
    for (const [index, entry] of this.#entries.entries()) {
      const count = from + 1 + index;
      if (entry.count === count) continue;
      if (entry.stored) this.#gone.push(entry.count);
      entry.count = count;
      entry.stored = false;
      changed = true;
    }
    this.sent = from + this.#entries.length;
    this.#saved = changed ? from : Math.min(this.#saved, this.sent);
    return changed;
  }

  /** An entry that a restart brought back; in the order of the numbers. */
  restore(count: number, stanza: Stanza, at: number): void {
    if (count > this.sent) this.sent = count;
    this.size += stanza.content.length + OVERHEAD;
    this.#entries.push({ count, stanza, at, stored: true, copies: undefined });
    this.#saved = this.sent;
  }

  /** Leaves room in the numbers for stanzas that were sent before a restart and of which nothing is known. */
  skip(numbers: number): void {
    this.sent += numbers;
    this.#saved = this.sent;
  }

  /** Writes what has changed since the last time into the open group. What came and went in between costs nothing. */
  save(rows: ManagementRows, id: string, idle: boolean): void {
    for (const count of this.#gone) rows.removeStanza(id, count);
    this.#gone = [];
    for (let index = this.#entries.length - 1; index >= 0; index -= 1) {
      const entry = this.#entries[index];
      if (entry === undefined || entry.count <= this.#saved) break;
      // Presence is told anew after a restart.
      if (entry.stored || entry.stanza.kind === 'presence') continue;
      rows.putStanza(id, entry.count, entry);
      entry.stored = true;
      if (idle) entry.stanza = compact(entry.stanza);
    }
    this.#saved = this.sent;
  }

  /** The session ends: nothing of it stays in the store. @returns what nobody acknowledged, in order */
  drain(rows: ManagementRows, id: string): readonly Entry[] {
    for (const count of this.#gone) rows.removeStanza(id, count);
    for (const { count, stored } of this.#entries) if (stored) rows.removeStanza(id, count);
    const entries = this.#entries;
    this.#gone = [];
    this.#entries = [];
    this.size = 0;
    return entries;
  }
}

/** A stanza that waits for long must not keep alive the whole chunk of bytes in which it came. */
function compact(stanza: Stanza): Stanza {
  const { content, declarations, from, id, kind, lang, to, type } = stanza;
  if (content.buffer.byteLength <= 4 * content.length + 16_384) return stanza;
  return new Stanza(kind, to, from, id, type, lang, Buffer.from(content), declarations);
}
