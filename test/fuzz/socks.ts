/**
 * SOCKS for the proxy to judge: conversations that are right, damaged or made of anything. However the bytes are cut, the proxy says
 * the same; it never throws, and it joins no bytestream but those that a right request names.
 */
import { Buffer } from 'node:buffer';
import type { Connection, ConnectionHandler } from '#src/net/connection.ts';
import { silentLog } from '#src/observe/log.ts';
import { Link } from '#protocols/proxy65/link.ts';
import type { ProxyServer } from '#protocols/proxy65/server.ts';
import { Random } from './random.ts';

const CONVERSATIONS = 500;
const HEX = [...Buffer.from('0123456789abcdefABCDEF')];
const METHODS = [[0], [2], [0, 2], []] as const;

/** What the proxy said to a connection, and what it did with it. */
function converse(
  chunks: readonly Buffer[],
  methods: readonly number[],
): { readonly told: string; readonly joined: readonly string[] } {
  const written: Buffer[] = [];
  const joined: string[] = [];
  let over = false;
  const connection = {
    handler: undefined as ConnectionHandler | undefined,
    remoteAddress: '192.0.2.1',
    id: 'fuzz',
    write: (bytes: Buffer) => void written.push(bytes),
    end: () => {
      over = true;
    },
    authenticated: () => undefined,
  };
  const server = {
    options: { negotiation: 1000 },
    timers: { add: () => undefined, remove: () => undefined },
    links: new Set<Link>(),
    log: silentLog,
    bans: { fail: () => undefined },
    methodsFor: () => methods,
    rejected: () => undefined,
    // Nobody is known, and nobody is asked in time: what follows a login has to wait.
    authenticate: () => new Promise<boolean>(() => undefined),
    streams: {
      join(hash: string) {
        joined.push(hash);
        over = true;
        return true;
      },
    },
  };
  // Only what a link uses of them.
  const link = new Link(connection as unknown as Connection, server as unknown as ProxyServer);
  for (const chunk of chunks) if (!over) link.onData(chunk);
  return { told: `${Buffer.concat(written).toString('hex')} ${over} ${joined.join(' ')}`, joined };
}

function hashLike(random: Random): Buffer {
  const length = random.pick([40, 40, 40, 39, 41, 0, 255]);
  return Buffer.from(Array.from({ length }, () => random.pick(HEX)));
}

function conversation(random: Random): Buffer {
  const count = random.pick([0, 1, 1, 2, 255]);
  const greeting = [5, count, ...Array.from({ length: count }, () => random.pick([0, 1, 2, 0xff]))];
  const login = random.next(3) === 0 ? [1, 2, 97, 98, 1, 99] : [];
  const name = hashLike(random);
  const address = random.pick([
    [3, name.length, ...name],
    [1, 127, 0, 0, 1],
    [4, ...name.subarray(0, 16)],
    [random.next(256)],
  ]);
  const request = [5, random.pick([1, 1, 1, 2, 3]), random.pick([0, 0, 0, 1]), ...address, 0, random.pick([0, 0, 80])];
  const bytes = Buffer.from([
    ...greeting,
    ...login,
    ...request,
    ...Array.from({ length: random.next(20) }, () => random.next(256)),
  ]);
  for (let damages = random.pick([0, 0, 1, 3]); damages > 0; damages--)
    bytes[random.next(bytes.length)] = random.next(256);
  return bytes.subarray(0, random.pick([bytes.length, bytes.length, random.next(bytes.length + 1)]));
}

function cut(bytes: Buffer, random: Random): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = 1 + random.next(random.pick([1, 4, 64]));
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return chunks;
}

export function round(seed: number): number {
  const random = new Random(seed);
  for (let index = 0; index < CONVERSATIONS; index++) {
    const bytes = conversation(random);
    const methods = random.pick(METHODS);
    const whole = converse([bytes], methods);
    const pieces = converse(cut(bytes, random), methods);
    if (whole.told !== pieces.told)
      throw new Error(`cut: "${whole.told}" and "${pieces.told}" of ${bytes.toString('hex')}`);
    const wrong = whole.joined.find((hash) => !/^[\da-f]{40}$/.test(hash));
    if (wrong !== undefined) throw new Error(`joined ${wrong} by ${bytes.toString('hex')}`);
  }
  return CONVERSATIONS;
}
