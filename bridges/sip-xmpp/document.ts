import type { Buffer } from 'node:buffer';
import type { Element } from 'ltx';
import { parseDocument } from '#src/stanza/parse.ts';

/** XML bodies are small: PIDF of a few devices, a typing state, a notification. */
const LIMITS = { maxBytes: 65_536, maxDepth: 32, maxAttributes: 64, maxElements: 2000 };

/** The root of an XML body when it has this name; undefined when it is malformed, too large, or something else. */
export function readDocument(body: Buffer, name: string, xmlns: string): Element | undefined {
  const parsed = parseDocument(withoutComments(body), LIMITS);
  return 'element' in parsed && parsed.element.is(name, xmlns) ? parsed.element : undefined;
}

/** Streams of XMPP have no comments, so the parser refuses them; documents may. What is no comment may be cut, too: it is then refused or lost. */
function withoutComments(body: Buffer): Buffer | string {
  if (!body.includes('<!--')) return body;
  const text = body.toString('utf8');
  let out = '';
  let from = 0;
  for (let at = text.indexOf('<!--'); at >= 0; at = text.indexOf('<!--', from)) {
    const end = text.indexOf('-->', at + 4);
    if (end < 0) return body;
    out += text.slice(from, at);
    from = end + 3;
  }
  return out + text.slice(from);
}
