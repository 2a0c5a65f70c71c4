/** Payloads of topics as people read them. */
import { isUtf8 } from 'node:buffer';
import type { Message } from '#protocols/mqtt/packet/types.ts';

const MAX_TEXT = 2000;
const MAX_STATUS = 200;
/** Topics that one digest tells of. */
const MAX_LINES = 20;

/** A payload as text; what is none is described. */
export function textOf({ payload, properties }: Message): string {
  if (payload.length === 0) return '(empty)';
  const text = isUtf8(payload) ? payload.toString('utf8').replaceAll(/[^\P{Cc}\t\n]/gu, '\ufffd') : undefined;
  if (text === undefined) return `(${payload.length} bytes of ${properties.contentType ?? 'application/octet-stream'})`;
  return cut(text, MAX_TEXT);
}

/** One line, short enough to stand beside a name. */
export const statusOf = (message: Message): string => cut(textOf(message).replaceAll(/\s+/g, ' ').trim(), MAX_STATUS);

const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}\u2026` : text;

/** What came on one topic since it was told last. */
interface Summary {
  count: number;
  last: string;
  lowest: number;
  highest: number;
}

/** Values that wait to be told together. Bounded by the topics that it tells of. */
export class Digest {
  readonly #topics = new Map<string, Summary>();
  #others = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(message: Message): void {
    this.#count += 1;
    const { topic } = message;
    const text = textOf(message);
    const number = /^\s*[+-]?\d{1,15}(?:\.\d{1,15})?\s*$/.test(text) ? Number(text) : Number.NaN;
    const known = this.#topics.get(topic);
    if (known === undefined && this.#topics.size >= MAX_LINES) {
      this.#others += 1;
      return;
    }
    const summary = known ?? {
      count: 0,
      last: '',
      lowest: Number.POSITIVE_INFINITY,
      highest: Number.NEGATIVE_INFINITY,
    };
    summary.count += 1;
    summary.last = text;
    summary.lowest = Math.min(summary.lowest, number);
    summary.highest = Math.max(summary.highest, number);
    this.#topics.set(topic, summary);
  }

  /** The text of a message, and an empty digest again. @param named whether each line begins with its topic */
  take(named: boolean): string {
    const lines = [...this.#topics].map(([topic, summary]) => `${named ? `${topic}: ` : ''}${lineOf(summary)}`);
    if (this.#others > 0) lines.push(`\u2026 and ${this.#others} values on other topics`);
    this.#topics.clear();
    this.#others = 0;
    this.#count = 0;
    return lines.join('\n');
  }
}

function lineOf({ count, highest, last, lowest }: Summary): string {
  if (count === 1) return last;
  const range =
    Number.isFinite(lowest) && Number.isFinite(highest) && lowest < highest ? `, ${lowest} to ${highest}` : '';
  return `${last} (last of ${count} values${range})`;
}
