/** Two phones whose media is relayed, and their sound. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import { type FieldList, type SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { type Phone, SipTestServer } from '#test/helpers/sip.ts';

export const JULIET = 'juliet@localhost';
export const ROMEO = 'romeo@localhost';
const SDP = 'application/sdp';

export const description = (address: string, port: number, ...lines: readonly string[]): string =>
  [
    'v=0',
    `o=- 1 1 IN IP4 ${address}`,
    's=-',
    `c=IN IP4 ${address}`,
    't=0 0',
    `m=audio ${port} RTP/AVP 0`,
    ...lines,
    '',
  ].join('\r\n');

export const bodyOf = (text: string): { readonly type: string; readonly bytes: Buffer } => ({
  type: SDP,
  bytes: Buffer.from(text),
});

export interface Place {
  readonly address: string;
  readonly port: number;
}

/** Where a session description sends the sound to. */
export function placeIn(message: SipRequest | SipResponse): Place {
  const lines = message.body.toString().split('\r\n');
  const find = (start: string): string => lines.find((line) => line.startsWith(start)) ?? '';
  return { address: find('c=').split(' ')[2] ?? '', port: Number(find('m=audio ').split(' ')[1]) };
}

/** A socket of a phone for RTP or RTCP. */
export class Sound implements AsyncDisposable {
  readonly socket: Socket;
  readonly heard: { readonly text: string; readonly from: Place }[] = [];

  static async open(address = '127.0.0.1', port = 0): Promise<Sound> {
    const socket = createSocket('udp4');
    socket.bind(port, address);
    await once(socket, 'listening');
    return new Sound(socket);
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('message', (bytes, { address, port }) =>
      this.heard.push({ text: bytes.toString(), from: { address, port } }),
    );
  }

  get port(): number {
    return this.socket.address().port;
  }

  say(text: string, { address, port }: Place, up = 0): void {
    this.socket.send(text, port + up, address);
  }

  /** The next that comes. */
  async hears(): Promise<string> {
    if (this.heard.length === 0) await once(this.socket, 'message', { signal: AbortSignal.timeout(5000) });
    return this.heard.shift()?.text ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.socket, 'close');
    this.socket.close();
    await closed;
  }
}

export class Stage implements AsyncDisposable {
  readonly server: SipTestServer;
  readonly romeo: Phone;
  readonly juliet: Phone;

  static async open(text = ''): Promise<Stage> {
    const server = await SipTestServer.start(text);
    await server.register(JULIET, ROMEO);
    return new Stage(server, await server.registered(ROMEO), await server.registered(JULIET));
  }

  constructor(server: SipTestServer, romeo: Phone, juliet: Phone) {
    this.server = server;
    this.romeo = romeo;
    this.juliet = juliet;
  }

  get ports(): number {
    return this.server.sip.media.ports;
  }

  /** Romeo calls Juliet. @returns his INVITE as he sent it */
  async invite(sdp: string | undefined, fields: FieldList = []): Promise<SipRequest> {
    const { romeo } = this;
    const first = romeo.request('INVITE', {
      to: `sip:${JULIET}`,
      fields: [['Contact', `<${romeo.contact}>`], ...fields],
      ...(sdp === undefined ? {} : { body: bodyOf(sdp) }),
    });
    const challenged = await romeo.ask(first);
    romeo.acknowledge(first, challenged);
    const sent = romeo.credentials(first, challenged);
    romeo.send(sent);
    return sent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}

export function answer(
  phone: Phone,
  request: SipRequest,
  status: number,
  sdp?: string,
  tag = `u${phone.port}`,
): SipResponse {
  const response = SipResponse.to(request, status, {
    recordRoute: true,
    tag,
    fields: [['Contact', `<${phone.contact}>`]],
    body: sdp === undefined ? undefined : bodyOf(sdp),
  });
  phone.send(response);
  return response;
}

/** A request of the caller inside the dialog of a response. */
export function inDialog(
  phone: Phone,
  method: string,
  sent: SipRequest,
  answered: SipResponse,
  sdp?: string,
): SipRequest {
  return phone.request(method, {
    uri: answered.contacts?.[0]?.uri ?? '',
    from: sent.get('From') ?? '',
    to: answered.get('To') ?? '',
    callId: sent.callId ?? '',
    fields: [
      ...(answered.recordRoutes ?? []).toReversed().map((route) => ['Route', String(route)] as const),
      ['Contact', `<${phone.contact}>`],
    ],
    ...(method === 'ACK' ? { cseq: sent.cseq?.number ?? 0 } : {}),
    ...(sdp === undefined ? {} : { body: bodyOf(sdp) }),
  });
}

/** A call that was answered, and where each side is told to send. */
export async function talk(stage: Stage, offer: string, answered: string) {
  const sent = await stage.invite(offer);
  const rings = await stage.juliet.asked('INVITE');
  answer(stage.juliet, rings, 200, answered);
  const ok = await stage.romeo.final(sent);
  stage.romeo.send(inDialog(stage.romeo, 'ACK', sent, ok));
  await stage.juliet.asked('ACK');
  return { sent, rings, ok, forRomeo: placeIn(ok), forJuliet: placeIn(rings) };
}

export async function hangUp(stage: Stage, sent: SipRequest, ok: SipResponse): Promise<void> {
  const bye = inDialog(stage.romeo, 'BYE', sent, ok);
  stage.romeo.send(bye);
  answer(stage.juliet, await stage.juliet.asked('BYE'), 200);
  await stage.romeo.final(bye);
}

/** Both speak, as phones do, until they have heard each other: who is behind a NAT is sent nothing before it has sent something. */
export async function bothWays(
  t: ExecutionContext,
  romeo: Sound,
  juliet: Sound,
  forRomeo: Place,
  forJuliet: Place,
  up = 0,
) {
  const speaking = setInterval(() => {
    romeo.say('of Romeo', forRomeo, up);
    juliet.say('of Juliet', forJuliet, up);
  }, 20);
  try {
    t.deepEqual(await Promise.all([romeo.hears(), juliet.hears()]), ['of Juliet', 'of Romeo']);
  } finally {
    clearInterval(speaking);
  }
}
