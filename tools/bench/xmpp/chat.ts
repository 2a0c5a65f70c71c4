import { setTimeout as delay } from 'node:timers/promises';
import { type Client, enableSm, sendPresence } from '#tools/bench/xmpp/client.ts';
import type { Result } from '#tools/bench/result.ts';
import type { ChatJob } from '#tools/bench/xmpp/job.ts';
import { Phase } from '#tools/bench/phase.ts';
import { MarkerCounter, attribute, childText, nextElement } from '#tools/bench/xmpp/scan.ts';

const MESSAGE_BYTES = 300;
const DRAIN_MS = 20_000;
// So many messages of each pair are read in full, to see that the right ones arrive in order.
const VERIFIED = 20;
const SM = 'urn:xmpp:sm:3';

/** A chat message as clients send it, padded to 300 bytes, in two halves: the id goes between. */
export function messageAround(to: string, idLength: number): readonly [string, string] {
  const before = `<message type='chat' to='${to}' id='`;
  const after = (body: string): string =>
    `'><body>${body}</body><active xmlns='http://jabber.org/protocol/chatstates'/>` +
    `<request xmlns='urn:xmpp:receipts'/></message>`;
  const text = 'The quick brown fox jumps over the lazy dog, and then once more over the other one. ';
  const room = Math.max(1, MESSAGE_BYTES - before.length - idLength - after('').length);
  return [before, after(text.repeat(4).slice(0, room))];
}

export interface PairOptions {
  readonly to: string;
  readonly window: number;
  readonly sm: boolean;
}

/** One conversation: it keeps `window` messages on their way from the sender to the receiver. */
export class Pair {
  readonly #sender: Client;
  readonly #receiver: Client;
  readonly #phase: Phase;
  readonly #options: PairOptions;
  readonly #prefix: string;
  readonly #before: string;
  readonly #after: string;
  readonly #body: string | undefined;
  readonly #sentAt: Float64Array;
  readonly #messages = new MarkerCounter('</message>');
  readonly #requests = new MarkerCounter('<r ');
  readonly #drained = Promise.withResolvers<void>();
  #sent = 0;
  #received = 0;
  #handled: number;
  #running = true;
  #unverified: string | undefined = '';
  failure: string | undefined;

  constructor(sender: Client, receiver: Client, n: number, phase: Phase, options: PairOptions) {
    this.#sender = sender;
    this.#receiver = receiver;
    this.#phase = phase;
    this.#options = options;
    this.#prefix = `b3a91c${n.toString(16).padStart(4, '0')}-4f2e-`;
    [this.#before, this.#after] = messageAround(options.to, this.#prefix.length + 8);
    this.#body = childText(this.#after, 'body');
    this.#sentAt = new Float64Array(options.window);
    this.#handled = 0;
    receiver.listen((chunk) => this.#read(chunk));
    sender.listen(() => undefined);
  }

  /** Stanzas the receiver was sent since it enabled stream management and before the conversation. */
  set handledBefore(count: number) {
    this.#handled = count;
  }

  start(): void {
    this.#send(this.#options.window);
  }

  /** Sends no more; settles when all that was sent has arrived, or tells what is missing. */
  async drain(): Promise<void> {
    this.#running = false;
    if (this.#received === this.#sent) return;
    const late = delay(DRAIN_MS, undefined, { ref: false }).then(() => {
      throw new Error(`${this.#sent - this.#received} of ${this.#sent} messages were lost`);
    });
    await Promise.race([this.#drained.promise, late]);
  }

  #send(count: number): void {
    const now = performance.now();
    let text = '';
    for (let i = 0; i < count; i++) {
      this.#sentAt[this.#sent % this.#options.window] = now;
      text += this.#before + this.#id(this.#sent++) + this.#after;
    }
    if (this.#options.sm) text += `<r xmlns='${SM}'/>`;
    this.#sender.write(text);
  }

  #id(sequence: number): string {
    return this.#prefix + sequence.toString(16).padStart(8, '0');
  }

  #read(chunk: Buffer): void {
    if (this.#unverified !== undefined) this.#verify(chunk);
    const count = this.#messages.push(chunk);
    const now = performance.now();
    for (let i = 0; i < count; i++) {
      this.#phase.record(this.#sentAt[this.#received++ % this.#options.window] ?? now, now);
    }
    if (this.#options.sm && this.#requests.push(chunk) > 0) {
      this.#receiver.write(`<a xmlns='${SM}' h='${this.#handled + this.#received}'/>`);
    }
    if (count === 0) return;
    if (this.#running) this.#send(count);
    else if (this.#received === this.#sent) this.#drained.resolve();
  }

  #verify(chunk: Buffer): void {
    let text = this.#unverified + chunk.toString('latin1');
    let sequence = this.#received;
    for (let element = nextElement(text); element !== undefined; element = nextElement(text)) {
      text = element.rest;
      if (element.name === 'message') {
        if (attribute(element.text, 'id') !== this.#id(sequence++) || childText(element.text, 'body') !== this.#body) {
          this.failure ??= `expected message ${this.#id(sequence - 1)}, got ${element.text}`;
        }
      } else if (element.name !== 'r') this.failure ??= `unexpected ${element.text}`;
    }
    this.#unverified = sequence >= VERIFIED && text === '' ? undefined : text;
  }
}

/** Runs the conversations over clients that are logged in already: sender, receiver, sender, … */
export async function chat(job: ChatJob, clients: readonly Client[], jids: readonly string[]): Promise<Result> {
  const phase = new Phase(job.endpoint);
  const pairs: Pair[] = [];
  const before = await Promise.all(
    clients.map(async (client) => {
      const base = job.sm ? await enableSm(client) : client.stanzas;
      await sendPresence(client);
      return client.stanzas - base;
    }),
  );
  for (let n = 0; n < job.pairs; n++) {
    const [sender, receiver, jid] = [clients[2 * n], clients[2 * n + 1], jids[2 * n + 1]];
    if (sender === undefined || receiver === undefined || jid === undefined) throw new Error('too few clients');
    const to = job.to === 'full' ? jid : (jid.split('/', 1)[0] ?? jid);
    const pair = new Pair(sender, receiver, n, phase, { to, window: job.window, sm: job.sm });
    pair.handledBefore = before[2 * n + 1] ?? 0;
    pairs.push(pair);
  }
  for (const pair of pairs) pair.start();
  await delay(job.warmup * 1000);
  phase.begin();
  await delay(job.seconds * 1000);
  const result = phase.finish();
  await Promise.all(pairs.map((pair) => pair.drain()));
  const failure = pairs.find((pair) => pair.failure !== undefined)?.failure;
  if (failure !== undefined) throw new Error(failure);
  return result;
}
