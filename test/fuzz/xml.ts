/**
 * XML for the scanner to judge: documents made by fast-check, whole and damaged, with saxes as the second opinion.
 * The unit tests check a few thousand of them, the fuzz runner as many as time allows.
 *
 * Where the two may differ, and why: RFC 6120 section 11 takes comments, processing instructions and DTDs out of XMPP, allows
 * only UTF-8 and XML 1.0; saxes takes a local name that no name may begin like (`p:1`, against Namespaces in XML section 4). `judge`
 * refuses these on the side of saxes, too. And saxes trims the names of namespaces: it is not asked where that matters.
 */
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import type { Element } from 'ltx';
import { SaxesParser, type SaxesTagNS } from 'saxes';
import { parseDocument, parseFrame } from '#src/stanza/parse.ts';
import { Scanner, type Frame, type ScannerLimits, type ScannerMode } from '#src/stanza/scanner.ts';
import { writeElement } from '#src/stanza/serialise.ts';
import { STREAM_CASES } from '#test/vectors/xml/stream-cases.ts';

export const WIDE_LIMITS: ScannerLimits = {
  maxBytes: 1 << 22,
  maxDepth: 1000,
  maxAttributes: 1000,
  maxElements: 1 << 20,
  maxNameBytes: 1 << 16,
};

/** An element as both sides are compared: namespace, name, attributes by name, children. */
export type Tree = readonly [string, string, readonly (readonly [string, string])[], readonly (Tree | string)[]];

const byName = (one: readonly [string, string], other: readonly [string, string]): number =>
  one[0] < other[0] ? -1 : 1;

/** The comparable form of an ltx tree. */
export const treeOf = (element: Element): Tree => [
  element.getNS() ?? '',
  element.name,
  Object.entries<string>(element.attrs).toSorted(byName),
  element.children.map((child) => (typeof child === 'string' ? child : treeOf(child))),
];

/** `xmlns=''` says nothing on a root: a frame does not keep it. */
const rootless = ([uri, name, pairs, children]: Tree): Tree => [
  uri,
  name,
  pairs.filter(([attribute, value]) => attribute !== 'xmlns' || value !== ''),
  children,
];

/** What cannot begin the local part of a name, of what may go on in one. */
const NO_START = /^(?:[-.0-9\u00b7\u203f\u2040]|[\u0300-\u036f])/;
/** A declaration whose value saxes would trim. */
const TRIMMED = /xmlns[^=<>]*=\s*("[^"<]*|'[^'<]*)(?<=["'])\s|xmlns[^=<>]*=\s*("[^"<]*(\s|;)"|'[^'<]*(\s|;)')/;

/** What saxes makes of a document: its tree, or undefined when it or RFC 6120 refuses it. */
export const judge = (document: Buffer): Tree | undefined => {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(document);
  } catch {
    return undefined;
  }
  const parser = new SaxesParser({ xmlns: true });
  let refused = false;
  let root: Tree | undefined;
  const open: [string, string, readonly (readonly [string, string])[], (Tree | string)[]][] = [];
  const refuse = (): void => {
    refused = true;
  };
  parser.on('error', refuse);
  parser.on('comment', refuse);
  parser.on('processinginstruction', refuse);
  parser.on('doctype', refuse);
  parser.on('xmldecl', ({ version, encoding }) => {
    if (version !== '1.0' || (encoding !== undefined && encoding.toLowerCase() !== 'utf-8')) refuse();
  });
  parser.on('opentag', (tag: SaxesTagNS) => {
    if (NO_START.test(tag.local) || Object.values(tag.attributes).some(({ local }) => NO_START.test(local))) refuse();
    const attributes = Object.values(tag.attributes).map(({ name, value }) => [name, value] as const);
    open.push([tag.uri, tag.name, attributes.toSorted(byName), []]);
  });
  const addText = (data: string): void => {
    const children = open.at(-1)?.[3];
    if (children === undefined || data === '') return;
    const last = children.at(-1);
    if (typeof last === 'string') children[children.length - 1] = last + data;
    else children.push(data);
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const tree = open.pop();
    if (tree === undefined) return;
    const parent = open.at(-1);
    if (parent === undefined) root = tree;
    else parent[3].push(tree);
  });
  try {
    parser.write(text).close();
  } catch {
    return undefined;
  }
  return refused ? undefined : root;
};

/** All that a scanner tells of some chunks, as text. */
export const tell = (chunks: readonly Buffer[], mode: ScannerMode, limits: ScannerLimits = WIDE_LIMITS): string => {
  const told: string[] = [];
  const tellFrame = ({ name, prefix, xmlns, defaultXmlns, attributes, content, declarations, bytes }: Frame): void => {
    told.push(
      JSON.stringify([
        name,
        prefix,
        xmlns,
        defaultXmlns,
        [...attributes],
        content.toString('latin1'),
        declarations,
        bytes,
      ]),
    );
  };
  const scanner = new Scanner(
    {
      onStream: ({ name, prefix, xmlns, attributes, namespaces }) => {
        told.push(JSON.stringify([name, prefix, xmlns, [...attributes], namespaces]));
      },
      onFrame: tellFrame,
      onEnd: () => told.push('end'),
      onFault: (fault, reason) => told.push(`${fault}: ${reason}`),
    },
    limits,
    mode,
  );
  let size = 0;
  for (const chunk of chunks) {
    scanner.push(chunk);
    size += chunk.length;
  }
  scanner.end();
  if (scanner.work > 200 * size + 10_000) throw new Error(`${scanner.work} steps for ${size} bytes`);
  return told.join('\n');
};

/** The chunks between cuts: offsets in any order. */
export const cut = (bytes: Buffer, cuts: readonly number[]): Buffer[] => {
  const offsets = [0, ...cuts.map((at) => at % (bytes.length + 1)).toSorted((one, other) => one - other), bytes.length];
  // Copies, so that a view that is read too late shows.
  return offsets.slice(1).map((end, index) => Buffer.from(bytes.subarray(offsets[index] as number, end)));
};

/** Whether two opinions on a document are the same, written and read again included; otherwise what differs. */
export const compare = (document: Buffer): string | undefined => {
  if (TRIMMED.test(document.toString())) return undefined;
  const expected = judge(document);
  const result = parseDocument(document, WIDE_LIMITS);
  if (!('element' in result)) return expected === undefined ? undefined : `refused (${result.fault}: ${result.reason})`;
  if (expected === undefined) return 'accepted';
  const tree = JSON.stringify(treeOf(result.element));
  if (tree !== JSON.stringify(rootless(expected))) return `read as ${tree}, not as ${JSON.stringify(expected)}`;
  const again = parseDocument(writeElement(result.element), WIDE_LIMITS);
  if (!('element' in again)) return `written as ${writeElement(result.element)}`;
  return JSON.stringify(treeOf(again.element)) === tree ? undefined : `written as ${writeElement(result.element)}`;
};

/** Whether a scanner tells the same of bytes however they are cut; otherwise where not. */
export const compareCuts = (
  bytes: Buffer,
  mode: ScannerMode,
  cuts: readonly (readonly number[])[],
  limits = WIDE_LIMITS,
): string | undefined => {
  const whole = tell([bytes], mode, limits);
  for (const offsets of cuts) {
    const parts = tell(cut(bytes, offsets), mode, limits);
    if (parts !== whole) return `cut at ${offsets.join()}: ${parts}\nwhole: ${whole}`;
  }
  return undefined;
};

/** Every cut into two, and every byte alone. */
export const allCuts = (length: number): number[][] => {
  const cuts = Array.from({ length: Math.max(0, length - 1) }, (_, index) => [index + 1]);
  cuts.push(Array.from({ length }, (_, index) => index));
  return cuts;
};

const names = fc.constantFrom(
  'a',
  'b',
  'body',
  'é',
  '_x-1.y',
  'p:a',
  'q:b',
  'p:ü',
  'xml:a',
  '__proto__',
  'constructor',
);
const attributeNames = fc.constantFrom(
  'id',
  'to',
  'é',
  'p:a',
  'q:a',
  'a',
  'xml:lang',
  '__proto__',
  'toString',
  'hasOwnProperty',
);
const uris = fc.constantFrom('u:1', 'u:2', 'u:&#49;x', 'jabber:client', 'http://www.w3.org/XML/1998/namespac');
const declarations = fc.tuple(fc.constantFrom('xmlns', 'xmlns:p', 'xmlns:q', 'xmlns:r'), uris);
const PIECES = ['x', ' ', '\n', '\r\n', '\r', '\t', 'text', ']', ']]', '>', '"', "'", '=', '/'];
const WIDE_PIECES = ['€', '\u{1f600}', '\u0085', '\u2028', '\ufffd'];
const REFERENCES = ['&amp;', '&lt;', '&gt;', '&quot;', '&apos;', '&#65;', '&#x20ac;', '&#13;', '&#10;', '&#x10ffff;'];
const pieces = fc.constantFrom(...PIECES, ...WIDE_PIECES, ...REFERENCES);
const texts = fc.array(pieces, { maxLength: 6 }).map((list) => list.join('').replaceAll(']]>', ']]'));
const sections = fc
  .array(fc.constantFrom('x', '<', '&', ']', ']]', '>', '\r\n', '€', '&amp;'), { maxLength: 5 })
  .map((list) => `<![CDATA[${list.join('').replaceAll(']]>', '')}]]>`);
const spaces = fc.constantFrom(' ', ' ', ' ', '\n', '\r\n  ', '\t');
const quotes = fc.constantFrom("'", '"');
const attributes = fc
  .uniqueArray(fc.oneof(fc.tuple(attributeNames, texts), declarations), { maxLength: 4, selector: ([name]) => name })
  .chain((list) =>
    fc.tuple(
      ...list.map(([name, value]) =>
        fc
          .tuple(spaces, quotes)
          .map(([space, quote]) => `${space}${name}=${quote}${value.replaceAll(quote, '')}${quote}`),
      ),
    ),
  )
  .map((list) => list.join(''));

const trees = fc.letrec<{ element: string; node: string }>((tie) => ({
  element: fc
    .tuple(names, attributes, fc.array(tie('node'), { maxLength: 4 }), fc.constantFrom('', '', ' ', '\n'))
    .map(([name, start, nodes, space]) =>
      nodes.length === 0
        ? `<${name}${start}${space}/>`
        : `<${name}${start}${space}>${nodes.join('')}</${name}${space}>`,
    ),
  node: fc.oneof({ depthSize: 'small' }, texts, sections, tie('element')),
}));

const prologs = fc.constantFrom(
  '',
  '',
  '',
  '',
  '\ufeff',
  "<?xml version='1.0'?>",
  "<?xml version='1.0' encoding='UTF-8' ?>\n",
  '\n',
);

/** Documents that are well-formed but for a prefix that may be unbound. */
export const documents: fc.Arbitrary<string> = fc
  .tuple(prologs, fc.boolean(), trees.element, fc.constantFrom('', '\n'))
  .map(([prolog, bound, element, tail]) =>
    bound ? `${prolog}<r xmlns:p='u:p' xmlns:q='u:1'>${element}</r>${tail}` : `${prolog}${element}${tail}`,
  );

const MARKS = ['<', '>', '&', ';', '"', "'", '=', '/', ' ', ':', ']', ']]>', '</a>', '<a>', '<![CDATA['];
const RESTRICTED = ['<!--', '-->', '<?', '?>', '<!DOCTYPE a>', '&foo;'];
const ILLEGAL = ['&#0;', '&#x;', '&#xd800;', '\u0000', '\u001f', '\ufffe', '\ufeff', '\u00d7', '\u0301'];
const DECLARED = ["xmlns:p=''", "xmlns:xml='u:1'", "xmlns='u:3'", 'xmlns:p="http://www.w3.org/2000/xmlns/"'];
const PROLOGS = ["<?xml version='1.0'?>", "<?xml version='1.1'?>", "<?xml version='1.0' encoding='latin1'?>"];
const tokens = fc.constantFrom(...MARKS, ...RESTRICTED, ...ILLEGAL, ...DECLARED, ...PROLOGS);
const junk = fc.oneof(
  { weight: 4, arbitrary: tokens.map((token) => Buffer.from(token)) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 3 }).map((bytes) => Buffer.from(bytes)) },
);
const damage = fc.record({ at: fc.nat(), remove: fc.nat({ max: 6 }), junk: fc.option(junk) });

/** Documents with up to three places changed. */
export const damaged: fc.Arbitrary<Buffer> = fc
  .tuple(documents, fc.array(damage, { minLength: 1, maxLength: 3 }))
  .map(([text, list]) => {
    let bytes: Buffer = Buffer.from(text);
    for (const { at, remove, junk: added } of list) {
      const from = at % (bytes.length + 1);
      bytes = Buffer.concat([
        bytes.subarray(0, from),
        added ?? Buffer.alloc(0),
        bytes.subarray(Math.min(bytes.length, from + remove)),
      ]);
    }
    return bytes;
  });

/** Streams: the bytes of cases known to matter, joined and damaged. */
export const streams: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.array(
      fc.oneof(
        fc.constantFrom(...STREAM_CASES.map(({ input }) => Buffer.from(input))),
        documents.map((text) => Buffer.from(text)),
      ),
      {
        maxLength: 4,
      },
    ),
    fc.array(damage, { maxLength: 2 }),
  )
  .map(([parts, list]) => {
    let bytes = Buffer.concat([Buffer.from(`<s xmlns='jabber:client' xmlns:p='u:p'>`), ...parts]);
    for (const { at, remove, junk: added } of list) {
      const from = at % (bytes.length + 1);
      bytes = Buffer.concat([
        bytes.subarray(0, from),
        added ?? Buffer.alloc(0),
        bytes.subarray(Math.min(bytes.length, from + remove)),
      ]);
    }
    return bytes;
  });

/** The tree of a document that stands in a stream whose header declares namespaces, as the stream's frame gives it. */
export const inStream = (header: string, document: string): Tree | undefined => {
  let tree: Tree | undefined;
  const scanner = new Scanner(
    {
      onStream: () => {},
      onFrame: (frame) => {
        tree = treeOf(parseFrame(frame));
      },
      onEnd: () => {},
      onFault: () => {
        tree = undefined;
      },
    },
    WIDE_LIMITS,
    'stream',
  );
  scanner.push(Buffer.from(header + document));
  return tree;
};

const SMALL: ScannerLimits = { maxBytes: 120, maxDepth: 4, maxAttributes: 4, maxElements: 8, maxNameBytes: 8 };

/** One round of the fuzzer: throws with the input when something is wrong. Answers how many inputs were tried. */
export const round = (seed: number): number => {
  const fail = (bytes: Buffer, what: string | undefined): void => {
    if (what !== undefined) throw new Error(`${JSON.stringify(bytes.toString('latin1'))}: ${what}`);
  };
  const options = { seed, numRuns: 40 };
  const all = [...fc.sample(documents, options).map((text) => Buffer.from(text)), ...fc.sample(damaged, options)];
  for (const bytes of all) {
    fail(bytes, compare(bytes));
    fail(
      bytes,
      compareCuts(bytes, 'framed', [
        allCuts(bytes.length).at(-1) as number[],
        [seed % (bytes.length + 1)],
        [seed, seed * 7, seed * 13],
      ]),
    );
  }
  const some = fc.sample(streams, options);
  for (const bytes of some) {
    for (const limits of [WIDE_LIMITS, SMALL]) {
      fail(
        bytes,
        compareCuts(
          bytes,
          'stream',
          [allCuts(bytes.length).at(-1) as number[], [seed % (bytes.length + 1)], [seed, seed * 3, seed * 11]],
          limits,
        ),
      );
    }
  }
  return all.length + some.length;
};
