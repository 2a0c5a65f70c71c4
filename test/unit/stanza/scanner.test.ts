import { Buffer } from 'node:buffer';
import test from 'ava';
import {
  Scanner,
  type Frame,
  type ScannerHandler,
  type ScannerLimits,
  type StreamHeader,
} from '#src/stanza/scanner.ts';
import { HEADER, LIMITS, STREAM_CASES, type StreamCase } from '#test/vectors/xml/stream-cases.ts';

/** Says what the scanner tells, a line each. */
class Recorder implements ScannerHandler {
  readonly lines: string[] = [];
  onStream(header: StreamHeader): void {
    const attributes = [...header.attributes].map(([name, value]) => `${name}=${value}`);
    this.lines.push(
      `stream ${header.prefix}:${header.name} {${header.xmlns}} {${header.namespaces.xmlns}} ${attributes.join()}`,
    );
  }
  onFrame(frame: Frame): void {
    const attributes = [...frame.attributes].map(([name, value]) => `${name}=${value}`);
    const { name, prefix, xmlns, defaultXmlns, declarations, bytes } = frame;
    this.lines.push(
      `frame ${name} ${prefix} {${xmlns}} {${defaultXmlns}} ${attributes.join()} [${frame.content.toString()}] ${declarations} ${bytes}`,
    );
  }
  onEnd(): void {
    this.lines.push('end');
  }
  onFault(fault: string, reason: string): void {
    this.lines.push(`fault ${fault}: ${reason}`);
  }
}

const tell = (chunks: readonly Buffer[], limits: ScannerLimits = LIMITS): string[] => {
  const recorder = new Recorder();
  const scanner = new Scanner(recorder, limits, 'stream');
  for (const chunk of chunks) scanner.push(chunk);
  return recorder.lines;
};

const inputOf = ({ input, whole }: StreamCase): Buffer => {
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  return whole === true ? bytes : Buffer.concat([Buffer.from(HEADER), bytes]);
};

for (const example of STREAM_CASES) {
  test(`${example.fault ?? 'accepted'}: ${example.name}`, (t) => {
    const limits = { ...LIMITS, ...example.limits };
    // A limit on bytes is not meant for the header.
    const before = example.whole === true ? 0 : Buffer.byteLength(HEADER);
    const input = inputOf(example);
    const run = (...chunks: readonly Buffer[]): string[] => {
      const recorder = new Recorder();
      const scanner = new Scanner(recorder, before === 0 ? limits : LIMITS, 'stream');
      if (before > 0) {
        scanner.push(input.subarray(0, before));
        scanner.limits = limits;
      }
      for (const chunk of chunks) scanner.push(chunk);
      return recorder.lines;
    };
    const body = input.subarray(before);
    const lines = run(body);
    const faults = lines.filter((line) => line.startsWith('fault'));
    t.deepEqual(
      lines.filter((line) => line.startsWith('frame')).map((line) => line.split(' ')[1]),
      [...example.frames],
    );
    t.deepEqual(
      faults.map((line) => line.slice('fault '.length, line.indexOf(':'))),
      example.fault === undefined ? [] : [example.fault],
    );
    t.is(lines.includes('end'), example.ended ?? (example.fault !== undefined && lines.includes('end')));
    for (let cut = 1; cut < body.length; cut++) {
      t.deepEqual(run(body.subarray(0, cut), body.subarray(cut)), lines, `cut at ${cut}`);
    }
    t.deepEqual(run(...Array.from(body, (byte) => Buffer.from([byte]))), lines, 'byte by byte');
  });
}

test('a stream header is told with its namespaces and attributes', (t) => {
  const lines = tell([
    Buffer.from(
      `<stream:stream to='a' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`,
    ),
  ]);
  t.deepEqual(lines, ['stream stream:stream {http://etherx.jabber.org/streams} {jabber:client} to=a,xml:lang=en']);
});
