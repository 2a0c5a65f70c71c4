/** RFC 4475 and RFC 5118 against the server: what is refused with which status, and that nothing harms it. */
import { connect } from 'node:net';
import { once } from 'node:events';
import test from 'ava';
import { IPV6_TORTURE } from '#test/vectors/sip/rfc5118.ts';
import { TORTURE, tortureBytes } from '#test/vectors/sip/rfc4475.ts';
import { SipTestServer } from '#test/helpers/sip.ts';

/**
 * Where the server, as the registrar and proxy of example.com, says more than that it took the message. Over a connection what is short of its
 * Content-Length is a message that has not ended yet, and one without it has no end (RFC 3261 section 18.3).
 */
const STATUS: Readonly<Record<string, number | 'drop'>> = {
  regaut01: 401,
  zeromf: 483,
  bext01: 420,
  clerr: 'drop',
  inv2543: 400,
};

/** The status of the first response; undefined when the connection ended without one, or the message is no request that is answered. */
async function statusOf(port: number, bytes: Buffer): Promise<number | undefined> {
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  const ended = once(socket, 'close');
  // What is behind is answered in any case, when the connection stands.
  socket.write(bytes);
  socket.end(options(port));
  await ended;
  const first = /^SIP\/2\.0 (\d{3}) (?:(?!\r\n\r\n)[\s\S])*/m.exec(text);
  return first === null || first[0].includes('the-marker') ? undefined : Number(first[1]);
}

const options = (port: number): string =>
  [
    'OPTIONS sip:example.com SIP/2.0',
    `Via: SIP/2.0/TCP 127.0.0.1:${port};branch=z9hG4bKmarker${Math.random()}`,
    'Max-Forwards: 70',
    'From: <sip:marker@elsewhere.example>;tag=1',
    'To: <sip:example.com>',
    'Call-ID: the-marker',
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');

async function serve(): Promise<SipTestServer> {
  const server = await SipTestServer.start('hosts: { example.com: {} }');
  await server.register('user@example.com');
  return server;
}

test('torture over TCP: each message has the status that the RFC names, and the next is served', async (t) => {
  await using server = await serve();
  const port = server.port('sip-tcp');
  for (const { expect, name } of TORTURE) {
    const status = await statusOf(port, tortureBytes(name));
    const named = STATUS[name] ?? expect;
    if (typeof named === 'number') t.is(status, named, name);
    else if (named === 'drop') t.is(status, undefined, name);
    else t.false(status === 400 || status === 500 || status === 505, `${name}: ${status ?? 'no answer'}`);
  }
  for (const { bytes, expect, name } of IPV6_TORTURE) {
    const status = await statusOf(port, bytes);
    if (typeof expect === 'number') t.is(status, expect, name);
    else t.false(status === 400 || status === 500 || status === 505, `${name}: ${status ?? 'no answer'}`);
  }
});

test('torture over UDP: the server goes on', async (t) => {
  await using server = await serve();
  const phone = await server.phone('eve@elsewhere.example');
  for (const { name } of TORTURE) phone.write(tortureBytes(name));
  for (const { bytes } of IPV6_TORTURE) phone.write(bytes);
  t.is((await phone.ask(phone.request('OPTIONS', { to: 'sip:example.com' }))).status, 200);
});
