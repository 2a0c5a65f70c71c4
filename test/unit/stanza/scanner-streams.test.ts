import { Buffer } from 'node:buffer';
import test from 'ava';
import { Scanner, type Frame, type ScannerHandler, type ScannerMode } from '#src/stanza/scanner.ts';
import { HEADER, LIMITS } from '#test/vectors/xml/stream-cases.ts';

const STREAMS = 'http://etherx.jabber.org/streams';

interface Told {
  readonly scanner: Scanner;
  readonly frames: Frame[];
  readonly lines: string[];
}

/** A scanner whose frames are kept; `react` is called with each frame's name while the scanner tells it. */
const listen = (react: (name: string, scanner: Scanner) => void = () => {}, mode: ScannerMode = 'stream'): Told => {
  const frames: Frame[] = [];
  const lines: string[] = [];
  const handler: ScannerHandler = {
    onStream: ({ name }) => {
      lines.push(`stream ${name}`);
      react(name, scanner);
    },
    onFrame: (frame) => {
      frames.push(frame);
      lines.push(frame.name);
      react(frame.name, scanner);
    },
    onEnd: () => lines.push('end'),
    onFault: (fault) => lines.push(fault),
  };
  const scanner = new Scanner(handler, LIMITS, mode);
  return { scanner, frames, lines };
};

const only = ({ frames }: Told): Frame => {
  const [frame] = frames;
  if (frame === undefined || frames.length > 1) throw new Error(`${frames.length} frames`);
  return frame;
};

const frameOf = (text: string): Frame => {
  const told = listen();
  told.scanner.push(Buffer.from(HEADER + text));
  return only(told);
};

test('a frame tells name, namespace, attributes, content and size', (t) => {
  const text = `<message to='a&amp;b' xml:lang='en' id=' x\ty'>a<b xmlns='u:1'/>&lt;</message>`;
  const frame = frameOf(text);
  t.is(frame.name, 'message');
  t.is(frame.prefix, '');
  t.is(frame.xmlns, 'jabber:client');
  t.is(frame.defaultXmlns, 'jabber:client');
  t.deepEqual(
    [...frame.attributes],
    [
      ['to', 'a&b'],
      ['xml:lang', 'en'],
      ['id', ' x y'],
    ],
  );
  t.is(frame.attributes.get('to'), 'a&b');
  t.is(frame.attributes.get('lang'), undefined);
  t.is(frame.attributes.get('__proto__'), undefined);
  t.is(frame.attributes.size, 3);
  t.is(frame.content.toString(), `a<b xmlns='u:1'/>&lt;`);
  t.is(frame.declarations, '');
  t.is(frame.bytes, text.length);
});

test('attributes keep names that mean something to the language', (t) => {
  const { attributes } = frameOf(`<a __proto__='1' hasOwnProperty='2'/>`);
  t.is(attributes.get('__proto__'), '1');
  t.is(attributes.get('hasOwnProperty'), '2');
});

test('an element beyond ASCII is decoded as UTF-8', (t) => {
  const frame = frameOf(`<é ü='€\u{1f600}' b='&#x20ac;'>ß</é>`);
  t.is(frame.name, 'é');
  t.deepEqual(
    [...frame.attributes],
    [
      ['ü', '€\u{1f600}'],
      ['b', '€'],
    ],
  );
  t.is(frame.content.toString(), 'ß');
});

test('the namespace is that of the element itself', (t) => {
  t.is(frameOf(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`).xmlns, 'urn:ietf:params:xml:ns:xmpp-sasl');
  t.is(frameOf(`<a xmlns='u:&amp;'/>`).xmlns, 'u:&');
  t.is(frameOf(`<a xmlns=''/>`).xmlns, '');
  const frame = frameOf(`<p:a xmlns:p='u:1'><b/></p:a>`);
  t.is(frame.xmlns, 'u:1');
  t.is(frame.prefix, 'p');
  t.is(frame.defaultXmlns, 'jabber:client');
});

test('declarations from outside of the content are told', (t) => {
  t.is(frameOf(`<a xmlns:p='u:"1"'><p:b/></a>`).declarations, ` xmlns:p='u:&quot;1&quot;'`);
  t.is(frameOf(`<a><stream:b/></a>`).declarations, ` xmlns:stream='${STREAMS}'`);
  t.is(frameOf(`<a xmlns:stream='u:2'><stream:b/></a>`).declarations, ` xmlns:stream='u:2'`);
  t.is(frameOf(`<a><b xmlns:stream='u:2'><stream:c/></b></a>`).declarations, '');
  t.is(frameOf(`<a><b/></a>`).declarations, '');
  t.is(frameOf(`<a stream:b='c'/>`).declarations, ` xmlns:stream='${STREAMS}'`);
  t.is(frameOf(`<stream:features/>`).xmlns, STREAMS);
});

test('content is a view on the chunk that holds the element, else a copy that later chunks leave alone', (t) => {
  const within = Buffer.from(`${HEADER}<a>one</a>`);
  const told = listen();
  told.scanner.push(within);
  t.is(only(told).content.buffer, within.buffer);

  const { scanner, frames } = listen();
  scanner.push(Buffer.from(`${HEADER}<a>on`));
  const chunk = Buffer.from('e</a><b>tw');
  scanner.push(chunk);
  chunk.fill(0);
  const last = Buffer.from('o</b><c>three</c>');
  scanner.push(last);
  t.deepEqual(
    frames.map(({ content }) => content.toString()),
    ['one', 'two', 'three'],
  );
});

test('STARTTLS: what follows the element in its chunk can be discarded before the stream starts again', (t) => {
  const { scanner, lines } = listen((name, self) => {
    if (name !== 'starttls') return;
    self.rest();
    self.reset();
  });
  scanner.push(Buffer.from(`${HEADER}<starttls/><iq type='set'/>`));
  t.deepEqual(lines, ['stream stream', 'starttls']);
  scanner.push(Buffer.from(`<?xml version='1.0'?>${HEADER}<auth/>`));
  t.deepEqual(lines.slice(2), ['stream stream', 'auth']);
});

test('SASL success: the rest of the chunk is a new stream', (t) => {
  for (const space of ['', '\n']) {
    const { scanner, lines } = listen((name, self) => {
      if (name === 'auth') self.reset();
    });
    scanner.push(Buffer.from(`${HEADER}<auth/>${space}<?xml version='1.0'?><s xmlns='u:1'><iq/></s>`));
    t.deepEqual(lines, ['stream stream', 'auth', 'stream s', 'iq', 'end']);
  }
});

test('a restarted stream has none of the prefixes of the one before', (t) => {
  const { scanner, lines } = listen((name, self) => {
    if (name === 'auth') self.reset();
  });
  scanner.push(Buffer.from(`${HEADER}<auth/><s><stream:x/>`));
  t.deepEqual(lines, ['stream stream', 'auth', 'stream s', 'not-well-formed']);
});

test('stop keeps the rest until it is taken, resume goes on', (t) => {
  const { scanner, lines } = listen((name, self) => {
    if (name === 'a') self.stop();
  });
  scanner.push(Buffer.from(`${HEADER}<a/><b/>`));
  scanner.push(Buffer.from('<dropped/>'));
  t.deepEqual(lines, ['stream stream', 'a']);
  const rest = scanner.rest();
  t.is(rest.toString(), '<b/>');
  t.is(scanner.rest().length, 0);
  scanner.resume();
  scanner.push(rest);
  scanner.push(Buffer.from('<c/>'));
  t.deepEqual(lines, ['stream stream', 'a', 'b', 'c']);
});

test('stop works for an element that went over the end of a chunk', (t) => {
  const { scanner, lines } = listen((name, self) => {
    if (name === 'a') self.stop();
  });
  scanner.push(Buffer.from(`${HEADER}<a>xx`));
  scanner.push(Buffer.from('x</a><b/><c/>'));
  t.deepEqual(lines, ['stream stream', 'a']);
  t.is(scanner.rest().toString(), '<b/><c/>');
});

test('stop within onStream leaves what follows the header', (t) => {
  const { scanner, lines } = listen((name, self) => {
    if (name === 'stream') self.stop();
  });
  scanner.push(Buffer.from(`${HEADER}<a/>`));
  t.deepEqual(lines, ['stream stream']);
  t.is(scanner.rest().toString(), '<a/>');
});

test('nothing is told after a fault until the stream starts again', (t) => {
  const { scanner, lines } = listen();
  scanner.push(Buffer.from(`${HEADER}<a/><b></c><d/>`));
  scanner.push(Buffer.from('<e/>'));
  t.deepEqual(lines, ['stream stream', 'a', 'not-well-formed']);
  scanner.reset();
  scanner.push(Buffer.from(`${HEADER}<f/>`));
  t.deepEqual(lines.slice(3), ['stream stream', 'f']);
});

test('wider limits hold from the next element on', (t) => {
  const { scanner, lines } = listen((name, self) => {
    if (name === 'auth') self.limits = { ...LIMITS, maxBytes: 100_000 };
  });
  scanner.push(Buffer.from(`${HEADER}<auth/><a>${'x'.repeat(50_000)}</a>`));
  t.deepEqual(lines, ['stream stream', 'auth', 'a']);
});

test('a scanner may not be pushed to from its own handler, but another may', (t) => {
  const other = listen();
  other.scanner.push(Buffer.from(HEADER));
  const { scanner, lines } = listen((name, self) => {
    if (name === 'b') other.scanner.push(Buffer.from('<x><y/></x>'));
    if (name === 'c') t.throws(() => self.push(Buffer.from('<d/>')));
  });
  scanner.push(Buffer.from(`${HEADER}<b><y/></b><c/>`));
  t.deepEqual(lines, ['stream stream', 'b', 'c']);
  t.deepEqual(other.lines, ['stream stream', 'x']);
});

test('many scanners within an element at once do not disturb one another', (t) => {
  const all = Array.from({ length: 40 }, () => listen());
  for (const part of [HEADER, `<a b='1`, `' c='2'>`, '<d><e', '/></d', '></a>']) {
    for (const { scanner } of all) scanner.push(Buffer.from(part));
  }
  for (const told of all) {
    t.deepEqual(told.lines, ['stream stream', 'a']);
    t.is(only(told).content.toString(), '<d><e/></d>');
  }
});

test('framed: every document is one element', (t) => {
  const { scanner, lines, frames } = listen(undefined, 'framed');
  for (const text of [`<open xmlns='u:1' to='a'/>`, `<?xml version='1.0'?><a xmlns='u:2'>x</a>\n`, '<b/>']) {
    scanner.push(Buffer.from(text));
    scanner.end();
  }
  t.deepEqual(lines, ['open', 'a', 'b']);
  t.is(frames[0]?.xmlns, 'u:1');
  t.is(frames[1]?.content.toString(), 'x');
});

test('framed: a document may come in parts', (t) => {
  const { scanner, lines } = listen(undefined, 'framed');
  for (const char of '<a><b/></a>') scanner.push(Buffer.from(char));
  scanner.end();
  t.deepEqual(lines, ['a']);
});

for (const text of ['', ' ', '<a>', '<a/><b/>', '<a/>x', '<a/><', 'x', '<a', '</a>', '<!-- --><a/>', '\ufeff']) {
  test(`framed: ${encodeURIComponent(text)} is no document`, (t) => {
    const { scanner, lines } = listen(undefined, 'framed');
    scanner.push(Buffer.from(text));
    scanner.end();
    t.is(lines.filter((line) => line === 'not-well-formed' || line === 'restricted-xml').length, 1);
  });
}

/** Work that a scanner does for a text cut into chunks of one size. */
const workFor = (text: string, size: number): number => {
  const { scanner, lines } = listen();
  scanner.limits = { maxBytes: 1 << 20, maxDepth: 1000, maxAttributes: 64, maxElements: 1 << 20 };
  const bytes = Buffer.from(HEADER + text);
  for (let at = 0; at < bytes.length; at += size) scanner.push(bytes.subarray(at, at + size));
  if (lines.length !== 2) throw new Error(lines.join());
  return scanner.work;
};

const SHAPES: Readonly<Record<string, (scale: number) => string>> = {
  'long text': (scale) => `<a>${'x'.repeat(scale)}</a>`,
  'long text beyond ASCII': (scale) => `<a>${'€'.repeat(scale / 3)}</a>`,
  'a long value': (scale) => `<a b='${'x'.repeat(scale)}'/>`,
  'white space in a tag': (scale) => `<a${' '.repeat(scale)}/>`,
  'many children': (scale) => `<a>${'<b/>'.repeat(scale / 4)}</a>`,
  'deep nesting': (scale) => `<a>${`${'<b>'.repeat(900)}${'</b>'.repeat(900)}`.repeat(scale / 6300)}</a>`,
  'many references': (scale) => `<a>${'&amp;'.repeat(scale / 5)}</a>`,
  'tags full of attributes': (scale) => {
    const attributes = Array.from({ length: 60 }, (_, index) => ` a${10 + index}=''`).join('');
    return `<a>${`<b${attributes}/>`.repeat(scale / 424)}</a>`;
  },
  'prefixes at every turn': (scale) => {
    const declarations = Array.from({ length: 60 }, (_, index) => ` xmlns:p${10 + index}='u:1'`).join('');
    return `<a${declarations}>${'<p10:b p69:c=""/>'.repeat(scale / 17)}</a>`;
  },
};

for (const [name, shape] of Object.entries(SHAPES)) {
  test(`work grows with the bytes only: ${name}`, (t) => {
    for (const size of [1, 7, 1400, 1 << 20]) {
      const small = workFor(shape(12_600), size);
      const large = workFor(shape(126_000), size);
      t.true(large < 11 * small, `chunks of ${size}: ${small} and ${large} steps`);
      t.true(large < 40 * 126_000, `chunks of ${size}: ${large} steps`);
    }
  });
}

test('white space between elements is not kept', (t) => {
  const { scanner } = listen();
  scanner.push(Buffer.from(HEADER));
  const before = scanner.work;
  for (let count = 0; count < 1000; count++) scanner.push(Buffer.from('   \n'));
  t.is(scanner.work - before, 4000, 'read once, copied never');
});
