/** The messages of RFC 4475 and RFC 5118 on the wire: each gets the status that its RFC names, and the server goes on answering. */
import { Buffer } from 'node:buffer';
import { randomInt } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import { SipRequest } from '#protocols/sip/message/message.ts';
import { parseMessage } from '#protocols/sip/message/parse.ts';
import { SipTestServer } from '#test/helpers/sip.ts';
import { TORTURE, tortureBytes } from '#test/vectors/sip/rfc4475.ts';
import { IPV6_TORTURE } from '#test/vectors/sip/rfc5118.ts';

interface Case {
  readonly name: string;
  readonly bytes: Buffer;
  /** Final statuses of datagrams, in their order; none for what is dropped. */
  readonly udp: readonly number[];
  /** Those on a stream, where they are others. */
  readonly tcp?: readonly number[];
}

// What a message of no fault gets follows from whom it is for: user@example.com has a phone, which is busy; j.user@example.com is
// registered nowhere; whoever says to be at example.com has to prove it; nobody is called elsewhere for a stranger.
const WIRE: Readonly<Record<string, Pick<Case, 'udp' | 'tcp'>>> = {
  wsinv: { udp: [407] },
  intmeth: { udp: [407] },
  esc01: { udp: [403] },
  escnull: { udp: [404] },
  esc02: { udp: [407] },
  lwsdisp: { udp: [407] },
  longreq: { udp: [486] },
  dblreq: { udp: [401], tcp: [401, 404] },
  semiuri: { udp: [404] },
  transports: { udp: [407] },
  mpart01: { udp: [407] },
  unreason: { udp: [] },
  noreason: { udp: [] },
  // A stream waits for the rest of the body.
  clerr: { udp: [400], tcp: [] },
  badbranch: { udp: [486] },
  bext01: { udp: [420] },
  invut: { udp: [486] },
  regaut01: { udp: [401] },
  zeromf: { udp: [483] },
  cparam01: { udp: [401] },
  cparam02: { udp: [401] },
  regescrt: { udp: [401] },
  sdp01: { udp: [486] },
  // Without Content-Length, which a stream needs.
  inv2543: { udp: [404], tcp: [400] },
  'ipv6-good': { udp: [403] },
  'port-ambiguous': { udp: [403] },
  'port-unambiguous': { udp: [403] },
  'via-received-param-with-delim': { udp: [407] },
  'via-received-param-no-delim': { udp: [407] },
  'ipv6-in-sdp': { udp: [407] },
  'mult-ip-in-header': { udp: [407] },
  'mult-ip-in-sdp': { udp: [407] },
  'ipv4-mapped-ipv6': { udp: [486] },
  'ipv6-bug-abnf-3-colons': { udp: [407] },
  'ipv6-correct-abnf-2-colons': { udp: [407] },
};

/** Some messages of the RFCs share a branch, and would be taken for copies of one another: the later ones get another. */
function distinct(cases: readonly Case[]): readonly Case[] {
  const seen = new Set<string>();
  return cases.map((each) => {
    const text = each.bytes.toString('latin1');
    const key = `${/^\w+/.exec(text)?.[0]} ${/branch *= *([^\s;,]+)/.exec(text)?.[1]}`;
    if (!seen.has(key)) {
      seen.add(key);
      return each;
    }
    const suffix = each.name.replaceAll('-', '');
    const bytes = Buffer.from(text.replace(/z9hG4bK(?=\S)/, `z9hG4bK${suffix}`), 'latin1');
    return Object.assign({}, each, { bytes });
  });
}

function caseOf(name: string, bytes: Buffer, expect: 'accept' | 'drop' | number): Case {
  const known = WIRE[name];
  if (known !== undefined) return { name, bytes, ...known };
  return { name, bytes, udp: typeof expect === 'number' ? [expect] : [] };
}

const CASES = distinct([
  ...TORTURE.map(({ expect, name }) => caseOf(name, tortureBytes(name), expect)),
  ...IPV6_TORTURE.map(({ bytes, expect, name }) => caseOf(name, bytes, expect)),
]);

test('nothing that is accepted is left out', (t) => {
  const accepted = [...TORTURE, ...IPV6_TORTURE].filter(({ expect }) => expect === 'accept').map(({ name }) => name);
  t.deepEqual(Object.keys(WIRE).toSorted(), [...accepted, 'clerr'].toSorted());
});

async function start(): Promise<SipTestServer> {
  const server = await SipTestServer.start(`
hosts: { example.com: {} }
access: { callers: [{ allow: all }] }
sip: { foreign_callers: callers }
`);
  await server.register('user@example.com', 'j.user@example.com', 'watson@example.com');
  return server;
}

/** A phone that answers whatever it is asked 486, until the test is over. */
async function busy(server: SipTestServer): Promise<() => void> {
  const phone = await server.registered('user@example.com');
  let isOver = false;
  const serve = async (): Promise<void> => {
    while (!isOver) {
      const request = await phone
        .next((one) => one.kind === 'request' && one.method !== 'ACK', 'a request')
        .catch(() => undefined);
      if (request?.kind === 'request') phone.answer(request, 486);
    }
  };
  void serve();
  return () => void (isOver = true);
}

let serial = 0;

/** An OPTIONS that comes after a message: its answer tells that what the message gets at once has come. */
function marker(transport: string): { readonly id: string; readonly bytes: Buffer } {
  const id = `marker-${(serial += 1)}`;
  const request = SipRequest.make('OPTIONS', 'sip:example.com', [
    ['Via', `SIP/2.0/${transport} 127.0.0.1;branch=z9hG4bK${id};rport`],
    ['From', '<sip:tester@elsewhere.example>;tag=1'],
    ['To', '<sip:example.com>'],
    ['Call-ID', id],
    ['CSeq', '1 OPTIONS'],
  ]);
  return { id, bytes: request.toBytes() };
}

/** What a server said on one connection or to one client, which may leave fields out that the message did not have. */
class Heard {
  #text = '';
  #ended = false;
  #wake: () => void = () => undefined;

  hear(bytes: Buffer): void {
    this.#text += bytes.toString('latin1');
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  get responses(): readonly string[] {
    return this.#text.split(/(?=^SIP\/2\.0 )/m).filter((each) => each !== '');
  }

  /** The final statuses of all but the marker, when there are `count` of them and the marker is answered, or nothing more can come. */
  async statuses(count: number, id: string): Promise<readonly number[]> {
    for (;;) {
      const finals = this.responses.filter((each) => !each.startsWith('SIP/2.0 1'));
      const others = finals.filter((each) => !each.includes(id));
      const marked = others.length < finals.length;
      if (this.#ended || (marked && others.length >= count)) {
        if (marked && !finals.some((each) => each.includes(id) && each.startsWith('SIP/2.0 200'))) return [-1];
        return others.map((each) => Number(each.slice(8, 11)));
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

// The ports that the messages' Vias name, for answers go to them where no rport is asked for (RFC 3261 section 18.2.2). An address of
// its own on the loopback network keeps them free.
const PORTS = [5060, 5061, 5050, 5070, 6050, 19_823];

async function udpClient(): Promise<{ readonly sockets: readonly UdpSocket[]; heard: Heard }> {
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(2, 255)}`;
  const client = { sockets: PORTS.map(() => createSocket('udp4')), heard: new Heard() };
  const answered = new Set<string>();
  for (const [at, socket] of client.sockets.entries()) {
    socket.bind(PORTS[at] ?? 0, address);
    await once(socket, 'listening');
    socket.on('message', (bytes) => {
      // On a busy machine an answer is repeated before its ACK comes, and belongs to no later message.
      const answer = bytes.toString('latin1');
      if (answered.has(answer)) return;
      answered.add(answer);
      client.heard.hear(bytes);
    });
  }
  return client;
}

/** An INVITE's failure is acknowledged, or it is repeated (RFC 3261 section 17.2.1). */
function ackOf(response: string): Buffer | undefined {
  const message = parseMessage(Buffer.from(response, 'latin1'));
  if (message.kind !== 'response' || message.cseq?.method !== 'INVITE' || message.status < 200) return undefined;
  return SipRequest.make('ACK', 'sip:user@example.com', [
    ['Via', message.via ?? ''],
    ['From', message.get('From') ?? ''],
    ['To', message.get('To') ?? ''],
    ['Call-ID', message.callId ?? ''],
    ['CSeq', `${message.cseq.number} ACK`],
  ]).toBytes();
}

test.serial('each message in a datagram', async (t) => {
  await using server = await start();
  t.teardown(await busy(server));
  const client = await udpClient();
  const [socket] = client.sockets;
  const send = (bytes: Buffer): void => socket?.send(bytes, server.port('sip'), '127.0.0.1');
  for (const { bytes, name, udp } of CASES) {
    const heard = (client.heard = new Heard());
    const { bytes: next, id } = marker('UDP');
    send(bytes);
    send(next);
    t.deepEqual(await heard.statuses(udp.length, id), udp, name);
    for (const response of heard.responses) {
      const ack = ackOf(response);
      if (ack !== undefined) send(ack);
    }
  }
  for (const each of client.sockets) each.close();
});

test.serial('each message on a stream', async (t) => {
  await using server = await start();
  t.teardown(await busy(server));
  for (const { bytes, name, tcp, udp } of CASES) {
    const expected = tcp ?? udp;
    const socket = connect(server.port('sip-tcp'), '127.0.0.1');
    const heard = new Heard();
    socket.on('data', (chunk: Buffer) => heard.hear(chunk));
    socket.on('close', () => heard.end());
    const { bytes: next, id } = marker('TCP');
    // In two writes, for streams come in pieces.
    socket.write(bytes.subarray(0, bytes.length >> 1));
    await once(socket, 'connect');
    socket.write(bytes.subarray(bytes.length >> 1));
    if (name === 'clerr') socket.end();
    else socket.write(next);
    t.deepEqual(await heard.statuses(expected.length, id), expected, name);
    socket.destroy();
  }
  const phone = await server.phone('tester@elsewhere.example', { transport: 'tcp' });
  t.is((await phone.ask(phone.request('OPTIONS', { to: 'sip:example.com' }))).status, 200);
});

test.serial('3.3.5: what is not supported is named', async (t) => {
  await using server = await start();
  t.teardown(await busy(server));
  const phone = await server.phone('caller@example.net');
  const fields = [
    ['Require', 'nothingSupportsThis, nothingSupportsThisEither'],
    ['Proxy-Require', 'noProxiesSupportThis, norDoAnyProxiesSupportThis'],
  ] as const;
  const proxied = await phone.ask(phone.request('OPTIONS', { to: 'sip:user@example.com', fields }));
  t.deepEqual(
    [proxied.status, proxied.list('Unsupported')],
    [420, ['noProxiesSupportThis', 'norDoAnyProxiesSupportThis']],
  );
  const served = await phone.ask(phone.request('OPTIONS', { to: 'sip:example.com', fields: [fields[0]] }));
  t.is(served.status, 420);
  t.deepEqual(served.tokens('Unsupported'), ['nothingsupportsthis', 'nothingsupportsthiseither']);
});

test.serial('3.3.12 to 3.3.14: parameters of contacts come back where they were', async (t) => {
  await using server = await start();
  const phone = await server.phone('watson@example.com');
  const register = async (contact: string): Promise<readonly string[]> => {
    const response = await phone.register({ contact });
    t.is(response.status, 200);
    return response.contacts?.map(({ uri, params }) => `${uri} ${params.has('unknownparam')}`) ?? [];
  };
  t.deepEqual(await register('sip:+19725552222@gw1.example.net;unknownparam'), [
    'sip:+19725552222@gw1.example.net true',
  ]);
  t.is((await phone.register({ contact: '*', expires: 0 })).status, 200);
  t.deepEqual(await register('<sip:+19725552222@gw1.example.net;unknownparam>'), [
    'sip:+19725552222@gw1.example.net;unknownparam false',
  ]);
  t.is((await phone.register({ contact: '*', expires: 0 })).status, 200);
  t.deepEqual(await register('<sip:user@example.com?Route=%3Csip:sip.example.com%3E>'), [
    'sip:user@example.com?Route=%3Csip:sip.example.com%3E false',
  ]);
});

test.serial('3.3.5 and 3.3.11: a stranger who may call nobody hears first that it cannot be forwarded', async (t) => {
  await using server = await SipTestServer.start('hosts: { example.com: {} }');
  await server.register('user@example.com');
  const stranger = await server.phone('eve@elsewhere.example');
  const to = 'sip:user@example.com';
  t.is((await stranger.ask(stranger.request('OPTIONS', { to, maxForwards: 0 }))).status, 483);
  const fields = [['Proxy-Require', 'noProxiesSupportThis']] as const;
  t.is((await stranger.ask(stranger.request('OPTIONS', { to, fields }))).status, 420);
  t.is((await stranger.ask(stranger.request('OPTIONS', { to }))).status, 403);
});
