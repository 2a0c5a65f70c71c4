/** IPv6 beside IPv4 (RFC 3261 section 25.1, RFC 5118): a listener on `::` takes both. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { SipResponse } from '#protocols/sip/message/message.ts';
import { options, stage } from './kit.ts';

async function udpPeer(t: ExecutionContext, address: string): Promise<UdpSocket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return socket;
}

for (const [address, host, received] of [
  ['::1', '[2001:db8::9]', '::1'],
  ['127.0.0.1', '192.0.2.9', '127.0.0.1'],
] as const) {
  test(`UDP from ${address}: where it came from, an answer, and a request of ours`, async (t) => {
    const { heard, transports, udp } = await stage(t, { address: '::' });
    const peer = await udpPeer(t, address);
    const { port } = peer.address();
    peer.send(options(`SIP/2.0/UDP ${host}:5070;branch=z9hG4bKa;rport`).toBytes(), udp, address);
    const { flow, request } = await heard.request();
    t.is(request.get('Via'), `SIP/2.0/UDP ${host}:5070;branch=z9hG4bKa;rport=${port};received=${received}`);
    t.is(flow.remoteAddress, address);
    t.deepEqual(transports.sentBy(flow), { host: address.includes(':') ? `[${address}]` : address, port: udp });
    const answered = once(peer, 'message');
    void transports.respond(SipResponse.to(request, 200), flow);
    t.regex(String((await answered)[0]), /^SIP\/2\.0 200 OK/);
    const asked = once(peer, 'message');
    await transports.send(options('SIP/2.0/UDP x.invalid;branch=z9hG4bKb'), { transport: 'udp', address, port });
    t.regex(String((await asked)[0]), /^OPTIONS/);
  });

  test(`TCP from ${address}: its flow has addresses without prefixes`, async (t) => {
    const { heard, tcp, transports } = await stage(t, { address: '::' });
    const peer = connect(tcp, address);
    t.teardown(() => peer.destroy());
    peer.write(options(`SIP/2.0/TCP ${host};branch=z9hG4bKa`).toBytes());
    const { flow, request } = await heard.request();
    t.is(request.get('Via'), `SIP/2.0/TCP ${host};branch=z9hG4bKa;received=${received}`);
    t.is(flow.remoteAddress, address);
    t.deepEqual(transports.sentBy(flow), { host: address.includes(':') ? `[${address}]` : address, port: tcp });
  });
}
