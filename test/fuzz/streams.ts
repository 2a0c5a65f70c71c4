/**
 * Client streams that go wrong: conversations of real clients, damaged, cut into random chunks, sent to a running server. The server
 * has to end or serve each of them, never to fail inside, and to serve a well-behaved client all the while.
 */
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { ScriptClient } from '#test/scripts/client.ts';
import { ScriptServer } from '#test/scripts/server.ts';
import { Random } from './random.ts';

const ROUND = 40;
/** Bytes in use that the process may have grown by, over all rounds, before it counts as a leak. */
const GROWTH = 400 << 20;
const PATIENCE = 10_000;

const HEADER =
  "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const AUTH = `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${Buffer.from('\0fuzz\0secret').toString('base64')}</auth>`;
const BIND = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
const LOGIN = [HEADER, AUTH, HEADER, BIND];

/** What clients say once they are in. */
const STANZAS = [
  '<presence/>',
  "<presence><show>away</show><status>out</status><priority>5</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v='/></presence>",
  "<presence type='subscribe' to='other@localhost'/>",
  "<presence type='unsubscribed' to='other@localhost'/>",
  "<presence type='probe' to='other@localhost'/>",
  "<message to='other@localhost' type='chat' id='m1'><body>hello &amp; good-bye &#x1F600; ü</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
  "<message to='fuzz@localhost/x' type='groupchat'><body>x</body></message>",
  "<message><body xml:lang='de'>an mich</body><thread>t</thread></message>",
  "<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver='3'/></iq>",
  "<iq type='set' id='r2'><query xmlns='jabber:iq:roster'><item jid='a@b' name='A'><group>g</group></item></query></iq>",
  "<iq type='get' id='d' to='localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
  "<iq type='get' id='d2' to='localhost'><query xmlns='http://jabber.org/protocol/disco#items' node='n'/></iq>",
  "<iq type='set' id='v'><vCard xmlns='vcard-temp'><FN>F</FN><PHOTO><BINVAL>AAAA</BINVAL></PHOTO></vCard></iq>",
  "<iq type='set' id='p'><query xmlns='jabber:iq:private'><s xmlns='storage:bookmarks'/></query></iq>",
  "<iq type='set' id='bl'><block xmlns='urn:xmpp:blocking'><item jid='bad@localhost'/></block></iq>",
  "<iq type='set' id='ub'><unblock xmlns='urn:xmpp:blocking'/></iq>",
  "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>",
  "<iq type='get' id='l' to='other@localhost'><query xmlns='jabber:iq:last'/></iq>",
  "<iq type='get' id='t' to='localhost'><time xmlns='urn:xmpp:time'/></iq>",
  "<iq type='get' id='reg' to='localhost'><query xmlns='jabber:iq:register'/></iq>",
  "<enable xmlns='urn:xmpp:sm:3' resume='true'/>",
  "<r xmlns='urn:xmpp:sm:3'/>",
  "<a xmlns='urn:xmpp:sm:3' h='1'/>",
  "<resume xmlns='urn:xmpp:sm:3' previd='none' h='0'/>",
  "<inactive xmlns='urn:xmpp:csi:0'/>",
  "<active xmlns='urn:xmpp:csi:0'/>",
  "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='SCRAM-SHA-1'><initial-response>biwsbj1mdXp6LHI9YWJj</initial-response></authenticate>",
  "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256'>biwsbj1mdXp6LHI9YWJj</auth>",
  "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>Yz1iaXdzLHI9YWJj</response>",
  "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
  '</stream:stream>',
];

const TOKENS = [
  '<',
  '>',
  '/>',
  "'",
  '"',
  '&',
  '&amp;',
  ';',
  ' ',
  '\0',
  '\u00ff',
  ']]>',
  '<![CDATA[',
  '<!--',
  '<?x',
  'xmlns=',
  '\n',
  '😀',
  '-1',
  '99999999999999999999',
  'a'.repeat(3000),
];

/** Sessions that nobody resumes end soon, so that the next conversations find room. */
const SETTINGS = `
quotas: { roster_items: 100 }
access: { max_sessions: [{ value: infinite, for: all }], shaper: [{ value: none, for: all }] }
modules: { stream_management: { timeout: 1s } }
`;

interface Stage {
  readonly server: ScriptServer;
  readonly control: ScriptClient;
  readonly errors: string[];
  readonly memory: number;
}

let stage: Promise<Stage> | undefined;

async function open(): Promise<Stage> {
  const errors: string[] = [];
  const server = new ScriptServer(SETTINGS, { write: (line) => void errors.push(line) });
  await server.start();
  await server.register('fuzz@localhost', 'secret');
  await server.register('other@localhost', 'secret');
  const control = await ScriptClient.dial('control', { port: server.port('c2s') });
  await control.authenticate('other', 'secret');
  await control.bind('control');
  return { server, control, errors, memory: inUse() };
}

/** What the program holds; freed memory that the system has not got back does not count. */
function inUse(): number {
  const { external, heapUsed } = process.memoryUsage();
  return external + heapUsed;
}

/** Sends `ROUND` damaged conversations. @throws Error when the server failed, hung or grew without bound */
export async function round(seed: number): Promise<number> {
  stage ??= open();
  const { control, errors, memory, server } = await stage;
  const random = new Random(seed);
  await Promise.all(
    Array.from({ length: ROUND }, () =>
      converse(server.port('c2s'), conversation(random), new Random(random.next(2 ** 31))),
    ),
  );
  await control.settle();
  control.received.length = 0;
  if (errors.length > 0) throw new Error(`the server failed inside: ${errors.splice(0).join('')}`);
  const grown = inUse() - memory;
  if (grown > GROWTH) throw new Error(`the process has grown by ${grown >> 20} MB`);
  return ROUND;
}

/** Ends the server. */
export async function close(): Promise<void> {
  const opened = await stage;
  const routed = opened?.server.server.router.counters;
  if (routed !== undefined) console.log(`streams: routed ${JSON.stringify(routed)}`);
  stage = undefined;
  opened?.control.break();
  await opened?.server.remove();
}

function conversation(random: Random): Buffer {
  const parts = random.next(4) === 0 ? [HEADER] : [...LOGIN];
  const length = 1 + random.next(12);
  for (let count = 0; count < length; count += 1) parts.push(random.pick(STANZAS));
  let bytes: Buffer = Buffer.from(parts.join(''));
  for (let damage = random.next(4); damage > 0; damage -= 1) bytes = damaged(bytes, random);
  return bytes;
}

function damaged(bytes: Buffer, random: Random): Buffer {
  const at = random.next(bytes.length + 1);
  const until = Math.min(bytes.length, at + random.next(40));
  switch (random.next(5)) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(TOKENS)), bytes.subarray(at)]);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(until)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, until), bytes.subarray(at)]);
    case 3:
      return bytes.subarray(0, at);
    default: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] = random.next(256);
      return copy;
    }
  }
}

/** Sends the bytes in random pieces, as fast as they are taken, then says good-bye and waits for the end. */
async function converse(port: number, bytes: Buffer, random: Random): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const closed = once(socket, 'close');
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'connect').catch(() => undefined);
  let at = 0;
  while (at < bytes.length && !socket.destroyed) {
    const size = 1 + random.next(random.next(3) === 0 ? 8 : 600);
    await written(socket, bytes.subarray(at, at + size));
    at += size;
  }
  socket.end();
  const timer = setTimeout(() => socket.destroy(new Error('hangs')), PATIENCE);
  await closed.catch(() => undefined);
  clearTimeout(timer);
  if (socket.errored?.message === 'hangs') throw new Error(`no end to ${JSON.stringify(bytes.toString('latin1'))}`);
}

function written(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    socket.write(bytes, () => resolve());
  });
}
