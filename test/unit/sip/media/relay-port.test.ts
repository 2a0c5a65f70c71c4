/** RFC 7362 sections 4 and 5: who is latched onto, and who is not. */
import test from 'ava';
import {
  noneRelayed,
  End,
  type LatchRules,
  type MediaPlace,
  RelayPort,
  witness,
} from '#protocols/sip/media/relay-port.ts';
import type { Datagrams } from '#src/net/udp.ts';

const SIGNALLING = '198.51.100.7';
const MEDIA = '198.51.100.70';
const STRANGER = '192.0.2.66';

/** A socket that remembers what is sent. */
class Wire implements Datagrams {
  readonly localAddress = '203.0.113.9';
  readonly localPort = 30_000;
  readonly family = 4;
  readonly counters = { received: 0, receivedBytes: 0, sent: 0, sentBytes: 0, dropped: 0 };
  readonly sent: string[] = [];

  send(bytes: Buffer, port: number, address: string): boolean {
    this.sent.push(`${bytes.toString()} > ${address}:${port}`);
    return true;
  }

  close(): void {
    // Nothing to close.
  }
}

class Bench {
  readonly counters = noneRelayed();
  readonly wire = new Wire();
  readonly port: RelayPort;
  readonly end: End;
  /** What the other side would get. */
  readonly heard: string[] = [];
  readonly #rules: LatchRules;

  constructor(anywhere = false) {
    const isRelay = (address: string, port: number): boolean => address === '203.0.113.9' && port === 30_002;
    this.#rules = { counters: this.counters, anywhere: () => anywhere, isRelay };
    this.port = new RelayPort(this.wire, this.counters);
    this.end = this.party();
  }

  party(signalling = SIGNALLING): End {
    const end = new End(this.port, { signalling, local: '', told: '' }, witness(), this.#rules);
    const other = new End(new RelayPort(new Wire(), this.counters), end.party, witness(), this.#rules);
    other.send = (bytes) => void this.heard.push(bytes.toString());
    end.peer = other;
    return end;
  }

  says(text: string, address: string, port: number): void {
    this.port.onDatagram(Buffer.from(text), address, port);
  }

  /** Something for the party. @returns where it goes */
  sends(text = 'x'): string | undefined {
    this.wire.sent.length = 0;
    this.end.send(Buffer.from(text));
    return this.wire.sent[0]?.split(' > ')[1];
  }
}

const at = (address: string, port: number): MediaPlace => ({ address, port });

test('media goes where the description says, and then to where media comes from', (t) => {
  const bench = new Bench();
  t.is(bench.sends(), undefined);
  bench.end.describe('a', at(SIGNALLING, 4000), false, true);
  t.is(bench.sends(), `${SIGNALLING}:4000`);
  bench.says('one', SIGNALLING, 61_000);
  t.is(bench.sends(), `${SIGNALLING}:61000`);
  t.deepEqual(bench.heard, ['one']);
  t.like(bench.counters, { nowhere: 1, latched: 1, strangers: 0, packets: 2 });
});

test('who is behind a NAT is sent nothing until it sends', (t) => {
  const bench = new Bench();
  bench.end.describe('10.0.0.5 4000', undefined, false, true);
  t.is(bench.sends(), undefined);
  bench.says('one', SIGNALLING, 61_000);
  t.is(bench.sends(), `${SIGNALLING}:61000`);
});

test('a stranger takes no stream over: neither first nor later', (t) => {
  const bench = new Bench();
  bench.end.describe('10.0.0.5 4000', undefined, false, true);
  bench.says('evil', STRANGER, 4000);
  t.is(bench.sends(), undefined);
  bench.says('one', SIGNALLING, 61_000);
  bench.says('evil', STRANGER, 61_000);
  bench.says('evil', SIGNALLING, 61_001);
  t.is(bench.sends(), `${SIGNALLING}:61000`);
  t.deepEqual(bench.heard, ['one']);
  t.is(bench.counters.strangers, 3);
});

test('the address of the description counts as well as that of the signalling', (t) => {
  const bench = new Bench();
  bench.end.describe('a', at(MEDIA, 4000), false, true);
  bench.says('one', MEDIA, 4002);
  t.is(bench.sends(), `${MEDIA}:4002`);
});

test('the place of the description itself wins, also over somebody who shares the address', (t) => {
  const bench = new Bench();
  bench.end.describe('a', at(SIGNALLING, 4000), false, true);
  bench.says('neighbour', SIGNALLING, 61_000);
  bench.says('one', SIGNALLING, 4000);
  t.is(bench.sends(), `${SIGNALLING}:4000`);
  bench.says('neighbour', SIGNALLING, 61_000);
  t.is(bench.sends(), `${SIGNALLING}:4000`);
  t.deepEqual(bench.heard, ['neighbour', 'one']);
});

test('again only after a new offer and answer', (t) => {
  const bench = new Bench();
  bench.end.describe('10.0.0.5 4000', undefined, false, true);
  bench.says('one', SIGNALLING, 61_000);
  // The 200 says what the 183 has said.
  bench.end.describe('10.0.0.5 4000', undefined, false, false);
  bench.says('moved', SIGNALLING, 62_000);
  t.is(bench.sends(), `${SIGNALLING}:61000`);
  bench.end.describe('10.0.0.5 4000', undefined, false, true);
  t.is(bench.sends(), `${SIGNALLING}:61000`, 'until the next comes, it goes where it went');
  bench.says('evil', STRANGER, 62_000);
  bench.says('moved', SIGNALLING, 62_000);
  t.is(bench.sends(), `${SIGNALLING}:62000`);
});

test('another description: there at once', (t) => {
  const bench = new Bench();
  bench.end.describe('a', at(SIGNALLING, 4000), false, true);
  bench.says('one', SIGNALLING, 61_000);
  bench.end.describe('b', at(SIGNALLING, 5000), false, false);
  t.is(bench.sends(), `${SIGNALLING}:5000`);
});

test('an offer that is refused changes nothing', (t) => {
  const bench = new Bench();
  bench.end.describe('a', at(SIGNALLING, 4000), false, true);
  bench.says('one', SIGNALLING, 61_000);
  const before = bench.end.save();
  bench.end.describe('b', at(SIGNALLING, 5000), true, true);
  bench.end.restore(before);
  t.is(bench.sends(), `${SIGNALLING}:61000`);
  bench.says('neighbour', SIGNALLING, 5000);
  t.is(bench.counters.strangers, 1);
});

test('on hold nothing is sent to it, and what it sends passes', (t) => {
  const bench = new Bench();
  bench.end.describe('a', at(SIGNALLING, 4000), false, true);
  bench.says('one', SIGNALLING, 4000);
  bench.end.describe('0.0.0.0 4000', undefined, true, true);
  t.is(bench.sends(), undefined);
  bench.says('music', SIGNALLING, 4000);
  t.deepEqual(bench.heard, ['one', 'music']);
});

test('nobody has a stream sent to somebody who never asked for it (RFC 8445 section 19.5.1)', (t) => {
  const bench = new Bench();
  bench.end.describe('a', at(STRANGER, 53), false, true);
  const sent = Array.from({ length: 3000 }, () => bench.sends()).filter((place) => place !== undefined).length;
  t.is(sent, 1500);
  t.is(bench.counters.unseen, 1500);
  bench.says('here I am', STRANGER, 53);
  t.is(bench.sends(), `${STRANGER}:53`);
});

test('what comes from a relay of this server has gone in a circle', (t) => {
  const bench = new Bench(true);
  bench.says('round', '203.0.113.9', 30_002);
  t.is(bench.counters.strangers, 1);
  bench.says('one', STRANGER, 1234);
  t.is(bench.sends(), `${STRANGER}:1234`, 'from any other address, where that is allowed');
});

test('two dialogs of one fork: each is told apart by where it comes from', (t) => {
  const bench = new Bench();
  bench.end.describe('a', at(SIGNALLING, 4000), false, true);
  const other = bench.party();
  other.describe('b', at(SIGNALLING, 5000), false, true);
  bench.says('one', SIGNALLING, 4000);
  bench.says('two', SIGNALLING, 5000);
  t.deepEqual([bench.end.packets, other.packets], [1, 1]);
  other.leave();
  bench.says('two', SIGNALLING, 5000);
  t.deepEqual([bench.end.packets, other.packets, bench.counters.strangers], [1, 1, 1]);
});
