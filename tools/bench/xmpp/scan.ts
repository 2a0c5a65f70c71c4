// The generator trusts the servers it measures: these scanners find ends of stanzas and check nothing else. They
// rely on what servers send (RFC 6120, section 11.1: no comments, no processing instructions; ">" written as &gt;).

/** One top-level child of a stream: its name as written, its text, and the text after it. */
export interface Element {
  readonly name: string;
  readonly text: string;
  readonly rest: string;
}

/** The next whole element of a stream's text, past an XML declaration and the stream's own start tag; undefined until it is whole. */
export function nextElement(text: string): Element | undefined {
  let depth = 0;
  let start = 0;
  let name = '';
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at + 1)) {
    const end = text.indexOf('>', at);
    if (end < 0) return undefined;
    const tag = text.slice(at + 1, end);
    if (tag.startsWith('?') || tag.startsWith('stream:stream')) continue;
    if (tag.startsWith('/')) depth--;
    else {
      if (depth === 0) {
        start = at;
        name = tag.split(/[\s/]/, 1)[0] ?? '';
      }
      if (!tag.endsWith('/')) depth++;
    }
    if (depth < 0) return { name: tag, text: text.slice(at, end + 1), rest: text.slice(end + 1) };
    if (depth === 0) return { name, text: text.slice(start, end + 1), rest: text.slice(end + 1) };
  }
  return undefined;
}

/** The value of the first attribute of that name in an element's text, undecoded. */
export function attribute(text: string, name: string): string | undefined {
  const at = text.indexOf(` ${name}=`);
  if (at < 0) return undefined;
  const quote = text.charAt(at + name.length + 2);
  const start = at + name.length + 3;
  const end = text.indexOf(quote, start);
  return end < 0 ? undefined : text.slice(start, end);
}

/** The text between the first start tag (without attributes) and the end tag of that name. */
export function childText(text: string, name: string): string | undefined {
  const start = text.indexOf(`<${name}>`);
  const end = text.indexOf(`</${name}>`);
  return start < 0 || end < 0 ? undefined : text.slice(start + name.length + 2, end);
}

/** Counts occurrences of a marker (ASCII) in a stream of chunks, also those cut between two chunks. */
export class MarkerCounter {
  readonly #marker: Buffer;
  #carry = '';

  constructor(marker: string) {
    this.#marker = Buffer.from(marker, 'latin1');
  }

  /** How many markers end in this chunk. */
  push(chunk: Buffer): number {
    const size = this.#marker.length;
    let count = 0;
    let from = 0;
    if (this.#carry !== '') {
      // The bytes kept from before are fewer than a marker, so only one marker can begin in them.
      const seam = this.#carry + chunk.toString('latin1', 0, size - 1);
      const found = seam.indexOf(this.#marker.toString('latin1'));
      if (found >= 0) {
        count = 1;
        from = found + size - this.#carry.length;
      }
    }
    for (let at = chunk.indexOf(this.#marker, from); at >= 0; at = chunk.indexOf(this.#marker, from)) {
      count++;
      from = at + size;
    }
    this.#keep(chunk, from);
    return count;
  }

  #keep(chunk: Buffer, from: number): void {
    const rest = chunk.length - from;
    const wanted = this.#marker.length - 1;
    if (rest >= wanted) this.#carry = chunk.toString('latin1', chunk.length - wanted);
    else if (from > 0) this.#carry = chunk.toString('latin1', from);
    else this.#carry = (this.#carry + chunk.toString('latin1')).slice(-wanted);
  }
}
