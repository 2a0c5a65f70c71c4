/** XML in tests: frames as a peer would send them, and comparisons that do not depend on the order of attributes. */
import { Buffer } from 'node:buffer';
import type { Element } from 'ltx';
import type { ExecutionContext } from 'ava';
import { Jid } from '#src/address/jid.ts';
import type { Frame } from '#src/stanza/frame.ts';
import { parseDocument } from '#src/stanza/parse.ts';
import { Scanner } from '#src/stanza/scanner.ts';
import { Stanza, type StanzaKind } from '#src/stanza/stanza.ts';
import type { ScannerLimits } from '#src/stanza/xml-faults.ts';

const limits: ScannerLimits = { maxBytes: 16 * 1024 * 1024, maxDepth: 100, maxAttributes: 100, maxElements: 100_000 };

/** The address, or a failed test: texts in tests are valid. */
export function jid(text: string): Jid {
  const parsed = Jid.parse(text);
  if (parsed === undefined) throw new Error(`not an address: ${text}`);
  return parsed;
}

/** A first-level element as the scanner gives it; `jabber:client` when it declares no namespace. */
export function frame(xml: string): Frame {
  let found: Frame | undefined;
  const handler = {
    onStream: () => undefined,
    onEnd: () => undefined,
    onFrame: (one: Frame) => void (found = one),
    onFault: (fault: string, reason: string) => {
      throw new Error(`${fault}, ${reason}: ${xml}`);
    },
  };
  const scanner = new Scanner(handler, limits, 'framed');
  scanner.push(Buffer.from(inStream(xml)));
  scanner.end();
  if (found === undefined) throw new Error(`no element: ${xml}`);
  return found;
}

/** A stanza with the addresses that are written in it. */
export function stanza(xml: string): Stanza {
  const { attributes, content, declarations, name } = frame(xml);
  const to = attributes.get('to');
  const from = attributes.get('from');
  return new Stanza(
    name as StanzaKind,
    to === undefined ? undefined : jid(to),
    from === undefined ? undefined : jid(from),
    attributes.get('id'),
    attributes.get('type'),
    attributes.get('xml:lang'),
    content,
    declarations,
  );
}

/** The element of a piece of XML; `jabber:client` when it declares no namespace. */
export function element(xml: string): Element {
  const parsed = parseDocument(inStream(xml), limits);
  if (!('element' in parsed)) throw new Error(`${parsed.fault}, ${parsed.reason}: ${xml}`);
  return parsed.element;
}

/** Declares the namespace of the stream on a root that declares none. */
function inStream(xml: string): string {
  const end = xml.search(/[\s/>]/);
  const tag = xml.slice(0, xml.indexOf('>'));
  return / xmlns=/.test(tag) || tag.includes(':') ? xml : `${xml.slice(0, end)} xmlns='jabber:client'${xml.slice(end)}`;
}

/**
 * XML in one spelling: `{namespace}name`, attributes in order, a child a line. Where `expected` has `*` as the value of an attribute or
 * as the text of an element, so has the result, whatever stands there.
 */
export function canonical(actual: Element, expected?: Element, indent = ''): string {
  const attributes = Object.entries(actual.attrs as Record<string, unknown>)
    .filter(([name]) => name !== 'xmlns' && !name.startsWith('xmlns:'))
    .map(([name, value]) => ` ${name}='${expected?.attrs[name] === '*' ? '*' : String(value)}'`)
    .toSorted();
  const head = `${indent}<{${actual.getNS() ?? ''}}${actual.getName()}${attributes.join('')}>`;
  const children = actual.getChildElements();
  if (children.length === 0) {
    const text = expected?.getText() === '*' ? '*' : actual.getText();
    return `${head}${text}`;
  }
  const others = expected?.getChildElements() ?? [];
  return [head, ...children.map((child, index) => canonical(child, others[index], `${indent}  `))].join('\n');
}

/** Asserts that the stanzas are those that are written, in order. */
export function same(t: ExecutionContext, actual: readonly (Stanza | string)[], expected: readonly string[]): void {
  const wanted = expected.map(element);
  const found = actual.map((one) => element(typeof one === 'string' ? one : one.toString()));
  t.deepEqual(
    found.map((one, index) => canonical(one, wanted[index])),
    wanted.map((one) => canonical(one, one)),
  );
}
