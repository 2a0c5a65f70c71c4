/** A server that speaks SIP on free ports, and phones that say what a test has them say, over real sockets. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import { computeHa1, type Ha1Algorithm } from '#src/accounts/verifiers.ts';
import { digestResponse } from '#protocols/sip/digest.ts';
import { parseAuth } from '#protocols/sip/message/auth.ts';
import { Framer } from '#protocols/sip/message/framer.ts';
import { MESSAGE_LIMITS } from '#protocols/sip/message/limits.ts';
import { type FieldList, SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { parseMessage } from '#protocols/sip/message/parse.ts';
import type { SipServer } from '#protocols/sip/server.ts';
import { createLog, type Sink } from '#src/observe/log.ts';
import { openCore } from '#src/server/core.ts';
import { plugins } from '#src/server/program.ts';
import { Server } from '#src/server/server.ts';
import { loadSettings } from '#src/settings/load.ts';
import { formatProblem } from '#src/settings/problem.ts';
import { programSections } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';

/** Milliseconds. */
const PATIENCE = 5000;

/** Ports of UDP, TCP and TLS; 0 lets the system choose, and a restart keeps what it chose. */
interface Ports {
  readonly udp: number;
  readonly tcp: number;
  readonly tls: number;
}

const listenersOf = ({ tcp, tls, udp }: Ports): string => `
listeners:
  - { name: sip, kind: sip, address: 127.0.0.1, port: ${udp}, transport: udp, tls: 'off' }
  - { name: sip-tcp, kind: sip, address: 127.0.0.1, port: ${tcp}, tls: 'off' }
  - { name: sips, kind: sip, address: 127.0.0.1, port: ${tls}, tls: direct }
  - { name: http, kind: http, address: 127.0.0.1, port: 0, tls: 'off', handlers: { /sip: sip } }
`;

export class SipTestServer implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'trivium-sip-'));
  #ports: Ports = { udp: 0, tcp: 0, tls: 0 };
  #text: string;
  #server: Server | undefined;
  readonly #phones: Phone[] = [];
  readonly #errors: Sink | undefined;

  private constructor(text: string, errors?: Sink) {
    this.#text = text;
    this.#errors = errors;
  }

  /** @param text settings beside the listeners @param listeners more of them, as lines of the list @param errors takes what the server logs of errors */
  static async start(text = '', listeners = '', errors?: Sink): Promise<SipTestServer> {
    const server = new SipTestServer(`${listeners}${text}`, errors);
    await server.begin();
    return server;
  }

  async begin(): Promise<void> {
    let settings = this.#load();
    const core = await openCore(
      () => settings,
      () => undefined,
    );
    const reread = (): Settings => (settings = this.#load());
    const log =
      this.#errors === undefined ? createLog({ level: 'off' }) : createLog({ level: 'error', sink: this.#errors });
    this.#server = await Server.start({ settings, core, log, frontEnds: plugins, reread });
    this.#ports = { udp: this.port('sip'), tcp: this.port('sip-tcp'), tls: this.port('sips') };
  }

  #load(): Settings {
    const loaded = loadSettings(`${listenersOf(this.#ports)}${this.#text}`, 'test', programSections(plugins), {
      env: {},
      overrides: { data: { directory: this.directory }, metrics: { runtime: false }, shutdown: { grace: '200ms' } },
    });
    if (loaded.settings === undefined) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    return loaded.settings;
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('the server is not started');
    return this.#server;
  }

  get sip(): SipServer {
    const { sip } = this.server.services;
    if (sip === undefined) throw new Error('there is no SIP server');
    return sip;
  }

  port(listener: string): number {
    const port = this.server.listeners.bound.find(({ name }) => name === listener)?.boundPort;
    if (port === undefined) throw new Error(`there is no listener ${listener}`);
    return port;
  }

  async register(...users: readonly string[]): Promise<void> {
    for (const user of users) {
      const [local = '', domain = ''] = user.split('@');
      const change = await this.server.core.accounts.create(domain, local, 'secret');
      if (!change.ok) throw new Error(`cannot register ${user}`);
    }
  }

  async reload(text: string): Promise<void> {
    this.#text = text;
    const problem = await this.server.reload();
    if (problem !== undefined) throw new Error(problem);
  }

  async restart(): Promise<void> {
    await this.server.stop('');
    await this.begin();
  }

  /** A phone, not yet registered. @param user its account or any address, `juliet@localhost` */
  async phone(user: string, options: PhoneOptions = {}): Promise<Phone> {
    const { transport = 'udp' } = options;
    const wire = await this.#open(transport);
    const phone = new Phone(user, wire, transport, options.password ?? 'secret');
    this.#phones.push(phone);
    return phone;
  }

  #open(transport: PhoneTransport): Promise<Wire> {
    if (transport === 'udp') return openUdp(this.#ports.udp);
    return transport === 'ws' ? openWebSocket(this.port('http')) : openStream(transport, this.#ports[transport]);
  }

  /** A phone that is registered. */
  async registered(user: string, options: PhoneOptions = {}): Promise<Phone> {
    const phone = await this.phone(user, options);
    const response = await phone.register(options.contact === undefined ? {} : { contact: options.contact });
    if (response.status !== 200) throw new Error(`REGISTER was answered ${response.status}`);
    return phone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const phone of this.#phones) phone.close();
    await this.#server?.stop('');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export type PhoneTransport = 'udp' | 'tcp' | 'tls' | 'ws';

export interface PhoneOptions {
  readonly transport?: PhoneTransport;
  readonly password?: string;
  readonly contact?: string;
}

interface Wire {
  readonly port: number;
  received: (bytes: Buffer) => void;
  send(bytes: Buffer): void;
  close(): void;
}

async function openUdp(port: number): Promise<Wire> {
  const socket: UdpSocket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const wire: Wire = {
    port: socket.address().port,
    received: () => undefined,
    send: (bytes) => socket.send(bytes, port, '127.0.0.1'),
    close: () => void socket.close(),
  };
  socket.on('message', (bytes) => wire.received(bytes));
  return wire;
}

async function openStream(transport: 'tcp' | 'tls', port: number): Promise<Wire> {
  const at = { host: '127.0.0.1', port };
  const secure = transport === 'tls';
  const socket: Socket = secure
    ? connectTls({ ...at, servername: 'localhost', rejectUnauthorized: false })
    : connect(at);
  await once(socket, secure ? 'secureConnect' : 'connect');
  const wire: Wire = {
    port: socket.localPort ?? 0,
    received: () => undefined,
    send: (bytes) => void socket.write(bytes),
    close: () => void socket.destroy(),
  };
  socket.on('data', (bytes: Buffer) => wire.received(bytes));
  socket.on('error', () => undefined);
  return wire;
}

/** RFC 7118 section 4. */
async function openWebSocket(port: number): Promise<Wire> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/sip`, 'sip');
  await once(socket, 'open');
  const wire: Wire = {
    port,
    received: () => undefined,
    send: (bytes) => socket.send(bytes.toString()),
    close: () => socket.terminate(),
  };
  socket.on('message', (bytes: Buffer) => wire.received(bytes));
  socket.on('error', () => undefined);
  return wire;
}

type Message = SipRequest | SipResponse;

export interface RequestFields {
  readonly to?: string;
  readonly from?: string;
  readonly uri?: string;
  readonly fields?: FieldList;
  readonly body?: { readonly type: string; readonly bytes: Buffer };
  readonly callId?: string;
  readonly cseq?: number;
  readonly maxForwards?: number;
}

export interface RegisterFields extends RequestFields {
  readonly contact?: string;
  readonly expires?: number;
}

export interface AuthOptions {
  readonly algorithm?: Ha1Algorithm;
  readonly username?: string;
  readonly password?: string;
  readonly nonce?: string;
  readonly nc?: string;
  readonly qop?: string;
}

let serial = 0;

/** A user agent of which every step is the test's. */
export class Phone {
  readonly user: string;
  readonly domain: string;
  readonly transport: PhoneTransport;
  readonly received: Message[] = [];
  readonly callId: string;
  cseq = 0;
  readonly #wire: Wire;
  readonly #password: string;
  #wake: (() => void) | undefined;

  constructor(user: string, wire: Wire, transport: PhoneTransport, password: string) {
    this.user = user;
    this.domain = user.slice(user.lastIndexOf('@') + 1);
    this.transport = transport;
    this.callId = `call-${(serial += 1)}-${Date.now()}`;
    this.#wire = wire;
    this.#password = password;
    const take = (message: Message): void => {
      this.received.push(message);
      this.#wake?.();
    };
    const framer = new Framer(MESSAGE_LIMITS);
    wire.received = (bytes) => {
      if (transport === 'udp' || transport === 'ws') {
        const message = parseMessage(bytes);
        if (message.kind !== 'malformed') take(message);
        return;
      }
      for (const framed of framer.push(bytes)) {
        if (framed.kind === 'request' || framed.kind === 'response') take(framed);
      }
    };
  }

  get port(): number {
    return this.#wire.port;
  }

  get contact(): string {
    const local = this.user.slice(0, this.user.lastIndexOf('@'));
    // RFC 7118 section 5: a browser does not know its address.
    if (this.transport === 'ws') return `sip:${local}@${this.callId}.invalid;transport=ws`;
    return `sip:${local}@127.0.0.1:${this.port}${this.transport === 'udp' ? '' : `;transport=${this.transport}`}`;
  }

  write(bytes: Buffer | string): void {
    this.#wire.send(typeof bytes === 'string' ? Buffer.from(bytes.replaceAll('\n', '\r\n')) : bytes);
  }

  close(): void {
    this.#wire.close();
  }

  /** A request that is not sent yet. */
  request(method: string, given: RequestFields = {}): SipRequest {
    const { body, callId = this.callId, fields = [], from = `sip:${this.user}`, maxForwards = 70 } = given;
    const to = given.to ?? `sip:${this.user}`;
    const uri = given.uri ?? (to.replace(/^.*<|>.*$/g, '').split(';')[0] || to);
    if (given.cseq === undefined) this.cseq += 1;
    const cseq = given.cseq ?? this.cseq;
    const protocol = this.transport.toUpperCase();
    const all: FieldList = [
      ['Via', `SIP/2.0/${protocol} 127.0.0.1:${this.port};branch=z9hG4bK${Math.random().toString(36).slice(2)};rport`],
      ['Max-Forwards', maxForwards],
      ['From', from.includes('<') ? from : `<${from}>;tag=t${this.port}`],
      ['To', to.includes('<') ? to : `<${to}>`],
      ['Call-ID', callId],
      ['CSeq', `${cseq} ${method}`],
      ...fields,
    ];
    return SipRequest.make(method, uri, all, body);
  }

  send(message: Message): void {
    this.#wire.send(message.toBytes());
  }

  /** Sends a request, and waits for its final response. */
  async ask(request: SipRequest): Promise<SipResponse> {
    this.send(request);
    return this.final(request);
  }

  /** The final response to a request. */
  async final(request: SipRequest): Promise<SipResponse> {
    return (await this.next(
      (message) => message.kind === 'response' && message.status >= 200 && isFor(message, request),
      `the answer to ${request.method}`,
    )) as SipResponse;
  }

  /** The next request of a method. */
  async asked(method: string): Promise<SipRequest> {
    return (await this.next((one) => one.kind === 'request' && one.method === method, method)) as SipRequest;
  }

  /** Sends a request, and again with credentials when it is challenged. */
  async prove(request: SipRequest, auth: AuthOptions = {}): Promise<SipResponse> {
    const first = await this.ask(request);
    if (first.status !== 401 && first.status !== 407) return first;
    if (request.method === 'INVITE') this.acknowledge(request, first);
    return this.ask(this.credentials(request, first, auth));
  }

  /** The request again, with credentials for the challenge of a response. */
  credentials(request: SipRequest, challenged: SipResponse, auth: AuthOptions = {}): SipRequest {
    const { algorithm = 'SHA-256', nc = '00000001', password = this.#password, qop = 'auth' } = auth;
    const proxy = challenged.status === 407;
    const challenges = challenged
      .all(proxy ? 'Proxy-Authenticate' : 'WWW-Authenticate')
      .flatMap((value) => parseAuth(value) ?? []);
    const challenge = challenges.find(({ params }) => params.get('algorithm') === algorithm)?.params;
    const realm = challenge?.get('realm') ?? '';
    const username = auth.username ?? this.user.slice(0, this.user.lastIndexOf('@'));
    const given = { nonce: auth.nonce ?? challenge?.get('nonce') ?? '', nc, cnonce: 'c0ffee', uri: request.uri };
    const response = digestResponse(algorithm, computeHa1(algorithm, username, realm, password), given, request.method);
    this.cseq += 1;
    return request
      .edit()
      .replaceFirst(
        'Via',
        String(request.via).replace(/branch=[^;]*/, `branch=z9hG4bK${Math.random().toString(36).slice(2)}`),
      )
      .set('CSeq', `${this.cseq} ${request.method}`)
      .set(
        proxy ? 'Proxy-Authorization' : 'Authorization',
        `Digest username="${username}", realm="${realm}", nonce="${given.nonce}", uri="${given.uri}", response="${response}", ` +
          `algorithm=${algorithm}, qop=${qop}, nc=${nc}, cnonce="${given.cnonce}"`,
      )
      .done();
  }

  /** The ACK of a final response that is no 2xx (RFC 3261 section 17.1.1.3). */
  acknowledge(request: SipRequest, response: SipResponse): void {
    const fields: FieldList = [
      ['Via', String(request.via)],
      ['Max-Forwards', 70],
      ['From', request.get('From') ?? ''],
      ['To', response.get('To') ?? ''],
      ['Call-ID', request.callId ?? ''],
      ['CSeq', `${request.cseq?.number ?? 0} ACK`],
    ];
    this.send(SipRequest.make('ACK', request.uri, fields));
  }

  register(given: RegisterFields = {}, auth: AuthOptions = {}): Promise<SipResponse> {
    return this.prove(this.registration(given), auth);
  }

  registration(given: RegisterFields = {}): SipRequest {
    const { contact = `<${this.contact}>`, expires = 600, fields = [], ...rest } = given;
    const own: FieldList = [
      ...(contact === '' ? [] : [['Contact', contact] as const]),
      ...(expires < 0 ? [] : [['Expires', expires] as const]),
    ];
    return this.request('REGISTER', { uri: `sip:${this.domain}`, ...rest, fields: [...own, ...fields] });
  }

  /** Sends a text, and gives the final response. */
  say(to: string, text: string): Promise<SipResponse> {
    const body = { type: 'text/plain', bytes: Buffer.from(text) };
    return this.prove(this.request('MESSAGE', { to: `sip:${to}`, body, callId: `m${(serial += 1)}` }));
  }

  answer(request: SipRequest, status: number, fields: FieldList = []): SipResponse {
    const response = SipResponse.to(request, status, { fields, recordRoute: true, tag: `u${this.port}` });
    this.send(response);
    return response;
  }

  /** The text of the next MESSAGE, which is answered 200. */
  async hears(): Promise<string> {
    const request = await this.asked('MESSAGE');
    this.answer(request, 200);
    return request.body.toString();
  }

  /** The first message that fits, taken out of what came. */
  async next(fits: (message: Message) => boolean, what: string): Promise<Message> {
    let impatient = false;
    const timer = setTimeout(() => {
      impatient = true;
      this.#wake?.();
    }, PATIENCE);
    try {
      for (;;) {
        const at = this.received.findIndex(fits);
        const found = at < 0 ? undefined : this.received.splice(at, 1)[0];
        if (found !== undefined) return found;
        if (impatient)
          throw new Error(
            `${this.user} waited in vain for ${what}; has ${this.received.map((one) => one.startLine).join(' | ')}`,
          );
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

function isFor(response: SipResponse, request: SipRequest): boolean {
  return (
    response.callId === request.callId &&
    response.cseq?.number === request.cseq?.number &&
    response.cseq?.method === request.method
  );
}
