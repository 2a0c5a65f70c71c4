import { stanzas } from '#src/im/stanza-codec.ts';
import type { Copies, KeptCopy } from '#src/session/copies.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { StoreClosed } from '#src/store/errors.ts';
import type { Journal, Store } from '#src/store/store.ts';
import type { StoredStanza } from '#src/im/stanza-codec.ts';

/** What became of one message. */
export type Sent =
  /** The phone has it. */
  | { readonly kind: 'taken' }
  /** The phone will never take it. */
  | { readonly kind: 'rejected'; readonly status: number }
  /** The phone is not there, or not now. */
  | { readonly kind: 'unreachable' };

/** How an outbox reaches its phone, and who takes what it cannot bring there. */
export interface Courier {
  /** Sends a message, and tells what became of it, once. `seq` is the same each time the same message is sent. */
  send(stanza: Stanza, seq: number, told: (sent: Sent) => void): void;
  rejected(stanza: Stanza, status: number): void;
  /** The phone does not answer: takes all that waits. */
  unreachable(waiting: readonly Stanza[]): void;
  /** Much waited, and does not any more. */
  eased(): void;
}

/** Beyond it `crowded` holds; below half of it things are eased. */
const CROWD = 64;
/** Messages read from the journal at once. */
const READ = 256;

/** The messages on their way to phones: they survive a crash until the phone has answered. */
export class Outboxes {
  readonly journal: Journal<StoredStanza>;
  readonly #store: Store;
  /** Nothing can be sent yet, or any more: what comes is kept, and answers count for nothing. */
  paused = false;

  constructor(store: Store) {
    this.#store = store;
    this.journal = store.journal('sip-messages', stanzas);
  }

  /** Settles when all that was written so far is on the disk; undefined when it is already. */
  get durable(): Promise<void> | undefined {
    return this.#store.barrier();
  }

  /** @param key host, local part and resource */
  of(key: readonly string[], limit: number, courier: Courier): Outbox {
    return new Outbox(this, key, limit, courier);
  }

  keys(): AsyncIterable<readonly string[]> {
    return this.journal.keys([]);
  }

  /** Takes out all that waits for a phone that is gone. */
  drain(key: readonly string[]): readonly Stanza[] {
    return drain(this.journal, key).map(({ value }) => value.stanza);
  }
}

/** The message that was added last, and what it is of others. */
class Kept implements KeptCopy {
  readonly stanza: Stanza;
  readonly seq: number;
  /** It was a carbon (XEP-0280). */
  readonly carbon: boolean;
  readonly #all: Map<number, Copies>;

  constructor(stanza: Stanza, seq: number, carbon: boolean, all: Map<number, Copies>) {
    this.stanza = stanza;
    this.seq = seq;
    this.carbon = carbon;
    this.#all = all;
  }

  get copies(): Copies | undefined {
    return this.#all.get(this.seq);
  }

  set copies(copies: Copies | undefined) {
    if (copies === undefined) this.#all.delete(this.seq);
    else this.#all.set(this.seq, copies);
  }
}

/** From this message on, those that were added are durable no sooner than this. */
interface Fence {
  readonly durable: Promise<void>;
  readonly from: number;
}

/**
 * The messages of one phone, in order: "A UAC MUST NOT initiate a new out-of-dialog MESSAGE transaction to a given URI if there is a previous
 * out-of-dialog transaction pending for the same URI" (RFC 3428 section 8).
 */
export class Outbox {
  readonly #all: Outboxes;
  readonly #journal: Journal<StoredStanza>;
  readonly #key: readonly string[];
  readonly #limit: number;
  readonly #courier: Courier;
  #sending = false;
  /** Messages that are not on the disk yet, by the groups in which they are written. */
  readonly #fences: Fence[] = [];
  /** Of messages that wait and of which others of the account have copies. Those from before a restart are not known any more. */
  readonly #copies = new Map<number, Copies>();
  #last: Kept | undefined;
  #crowded = false;
  #closed = false;

  constructor(all: Outboxes, key: readonly string[], limit: number, courier: Courier) {
    this.#all = all;
    this.#journal = all.journal;
    this.#key = key;
    this.#limit = limit;
    this.#courier = courier;
  }

  get length(): number {
    return this.#journal.length(this.#key);
  }

  get crowded(): boolean {
    return this.#crowded;
  }

  /** The message that was added last, while it waits. */
  get last(): Kept | undefined {
    return this.#last;
  }

  /** In the store's open group when it returns true. @param carbon what it is made of was a carbon (XEP-0280) */
  add(stanza: Stanza, carbon = false): boolean {
    if (this.#closed || this.length >= this.#limit) return false;
    const seq = this.#journal.append(this.#key, { stanza, at: Date.now() });
    this.#last = new Kept(stanza, seq, carbon, this.#copies);
    this.#fence(seq);
    this.#crowded ||= this.length >= CROWD;
    this.pump();
    return true;
  }

  /** Sends the oldest message, if none is on its way. */
  pump(): void {
    if (this.#sending || this.#closed || this.#all.paused) return;
    const [head] = this.#journal.read(this.#key, undefined, 1);
    if (head === undefined || !this.#isSafe(head.seq)) return;
    this.#send(head.seq, head.value.stanza);
  }

  /**
   * A message leaves when it is on the disk: a crash before would have its sender send it again, and make two of one; and its number, of which
   * its identifiers are made, would be another message's.
   */
  #isSafe(seq: number): boolean {
    const [first] = this.#fences;
    return first === undefined || seq < first.from;
  }

  #fence(seq: number): void {
    const durable = this.#all.durable;
    if (durable === undefined || this.#fences.at(-1)?.durable === durable) return;
    const fence = { durable, from: seq };
    this.#fences.push(fence);
    void this.#await(fence);
  }

  async #await(fence: Fence): Promise<void> {
    for (let durable: Promise<void> | undefined = fence.durable; durable !== undefined;) {
      try {
        await durable;
        durable = undefined;
      } catch (error) {
        if (error instanceof StoreClosed) return;
        // A group that could not be written is tried again.
        durable = this.#all.durable;
      }
    }
    this.#fences.splice(this.#fences.indexOf(fence), 1);
    this.pump();
  }

  #send(seq: number, stanza: Stanza): void {
    this.#sending = true;
    this.#courier.send(stanza, seq, (sent) => this.#told(seq, stanza, sent));
  }

  /** The phone is gone: what waits is handed back. */
  close(): readonly Stanza[] {
    this.#closed = true;
    return this.#drain();
  }

  /** All that waits, but what others of the account have or may still get. */
  #drain(): readonly Stanza[] {
    this.#last = undefined;
    const drained = drain(this.#journal, this.#key).filter(({ seq }) => this.#copies.get(seq)?.lost() !== false);
    this.#copies.clear();
    return drained.map(({ value }) => value.stanza);
  }

  #settled(seq: number, sent: Sent): void {
    if (this.#last?.seq === seq) this.#last = undefined;
    const copies = this.#copies.get(seq);
    if (copies === undefined) return;
    this.#copies.delete(seq);
    if (sent.kind === 'taken') copies.acknowledged();
    else copies.lost();
  }

  #told(seq: number, stanza: Stanza, sent: Sent): void {
    if (this.#closed || this.#all.paused) return;
    this.#sending = false;
    if (sent.kind === 'unreachable') {
      this.#crowded = false;
      return this.#courier.unreachable(this.#drain());
    }
    this.#settled(seq, sent);
    this.#journal.trim(this.#key, seq);
    if (sent.kind === 'rejected') this.#courier.rejected(stanza, sent.status);
    if (this.#crowded && this.length < CROWD / 2) {
      this.#crowded = false;
      this.#courier.eased();
    }
    this.pump();
  }
}

function drain(
  journal: Journal<StoredStanza>,
  key: readonly string[],
): readonly { readonly seq: number; readonly value: StoredStanza }[] {
  const drained: { readonly seq: number; readonly value: StoredStanza }[] = [];
  for (;;) {
    const entries = journal.read(key, undefined, READ);
    const last = entries.at(-1);
    if (last === undefined) break;
    drained.push(...entries);
    journal.trim(key, last.seq);
  }
  return drained;
}
