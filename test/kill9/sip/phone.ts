import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { digestResponse } from '#protocols/sip/digest.ts';
import { parseAuth } from '#protocols/sip/message/auth.ts';
import { type FieldList, SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { parseMessage } from '#protocols/sip/message/parse.ts';
import { computeHa1 } from '#src/accounts/verifiers.ts';

const DOMAIN = 'localhost';
/** Milliseconds between copies of a request that is not answered: T1. */
const AGAIN = 500;

interface Waiting {
  readonly bytes: Buffer;
  readonly answered: (response: SipResponse | undefined) => void;
}

export interface PhoneOptions {
  readonly user: string;
  readonly password: string;
  readonly port: number;
  /** The text of a MESSAGE that came, once for each transaction. */
  readonly onText: (text: string) => void;
}

/** A phone over UDP that repeats what is not answered, and answers copies of a request without taking them again (RFC 3261 section 17). */
export class Phone {
  readonly user: string;
  readonly trace: string[] = [];
  readonly #options: PhoneOptions;
  readonly #socket: Socket;
  readonly #waiting = new Map<string, Waiting>();
  /** Answers by branch. */
  readonly #given = new Map<string, Buffer>();
  readonly #timer: NodeJS.Timeout;
  #challenge: ReadonlyMap<string, string> | undefined;
  #count = 0;
  #cseq = 0;
  readonly #callId = randomBytes(8).toString('hex');

  private constructor(options: PhoneOptions, socket: Socket) {
    this.user = options.user;
    this.#options = options;
    this.#socket = socket;
    socket.on('message', (bytes) => this.#came(bytes));
    socket.on('error', () => undefined);
    this.#timer = setInterval(() => {
      for (const { bytes } of this.#waiting.values()) this.#write(bytes);
    }, AGAIN);
  }

  static async open(options: PhoneOptions): Promise<Phone> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new Phone(options, socket);
  }

  get contact(): string {
    return `sip:${this.user}@127.0.0.1:${this.#socket.address().port}`;
  }

  close(): void {
    clearInterval(this.#timer);
    this.stop();
    this.#socket.close();
  }

  /** What waits for an answer waits no more. */
  stop(): void {
    for (const { answered } of this.#waiting.values()) answered(undefined);
    this.#waiting.clear();
  }

  register(expires: number): Promise<SipResponse | undefined> {
    const fields: FieldList = [
      ['Contact', `<${this.contact}>`],
      ['Expires', expires],
    ];
    return this.#prove('REGISTER', `sip:${DOMAIN}`, `sip:${this.user}@${DOMAIN}`, fields);
  }

  query(): Promise<SipResponse | undefined> {
    return this.#prove('REGISTER', `sip:${DOMAIN}`, `sip:${this.user}@${DOMAIN}`, []);
  }

  /** @returns the final response; undefined when it was stopped before one came */
  say(to: string, text: string): Promise<SipResponse | undefined> {
    const uri = `sip:${to}@${DOMAIN}`;
    return this.#prove('MESSAGE', uri, uri, [], { type: 'text/plain', bytes: Buffer.from(text) });
  }

  call(to: string): Promise<SipResponse | undefined> {
    const uri = `sip:${to}@${DOMAIN}`;
    return this.#prove('INVITE', uri, uri, [['Contact', `<${this.contact}>`]]);
  }

  async #prove(
    method: string,
    uri: string,
    to: string,
    fields: FieldList,
    body?: { readonly type: string; readonly bytes: Buffer },
  ): Promise<SipResponse | undefined> {
    // A nonce may be stale, as after a restart: then once more.
    for (let attempt = 0; attempt < 3; attempt++) {
      const request = this.#request(method, uri, to, fields, body);
      const response = await this.#ask(request);
      if (method === 'INVITE' && response !== undefined && response.status >= 300) this.#acknowledge(request, response);
      if (response?.status !== 401 && response?.status !== 407) return response;
      const [value = ''] = [...response.all('WWW-Authenticate'), ...response.all('Proxy-Authenticate')];
      this.#challenge = parseAuth(value)?.params;
      this.#count = 0;
    }
    return undefined;
  }

  #request(
    method: string,
    uri: string,
    to: string,
    fields: FieldList,
    body?: Parameters<typeof SipRequest.make>[3],
  ): SipRequest {
    this.#cseq += 1;
    const { port } = this.#socket.address();
    const all: FieldList = [
      ['Via', `SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${randomBytes(8).toString('hex')};rport`],
      ['Max-Forwards', 70],
      ['From', `<sip:${this.user}@${DOMAIN}>;tag=${this.#callId}`],
      ['To', `<${to}>`],
      ['Call-ID', method === 'REGISTER' ? this.#callId : randomBytes(8).toString('hex')],
      ['CSeq', `${this.#cseq} ${method}`],
      ...fields,
      ...this.#credentials(method, uri),
    ];
    return SipRequest.make(method, uri, all, body);
  }

  #credentials(method: string, uri: string): FieldList {
    const challenge = this.#challenge;
    if (challenge === undefined) return [];
    this.#count += 1;
    const { password, user } = this.#options;
    const nc = this.#count.toString(16).padStart(8, '0');
    const given = { nonce: challenge.get('nonce') ?? '', nc, cnonce: 'c0ffee', uri };
    const response = digestResponse('SHA-256', computeHa1('SHA-256', user, DOMAIN, password), given, method);
    const text =
      `Digest username="${user}", realm="${DOMAIN}", nonce="${given.nonce}", uri="${uri}", response="${response}", ` +
      `algorithm=SHA-256, qop=auth, nc=${nc}, cnonce="c0ffee"`;
    return [['Authorization', text]];
  }

  #ask(request: SipRequest): Promise<SipResponse | undefined> {
    return new Promise((answered) => {
      const bytes = request.toBytes();
      this.#waiting.set(request.via?.branch ?? '', { bytes, answered });
      this.#trace('>', request.startLine);
      this.#write(bytes);
    });
  }

  #acknowledge(request: SipRequest, response: SipResponse): void {
    const fields: FieldList = [
      ['Via', String(request.via)],
      ['Max-Forwards', 70],
      ['From', request.get('From') ?? ''],
      ['To', response.get('To') ?? ''],
      ['Call-ID', request.callId ?? ''],
      ['CSeq', `${request.cseq?.number ?? 0} ACK`],
    ];
    this.#write(SipRequest.make('ACK', request.uri, fields).toBytes());
  }

  #came(bytes: Buffer): void {
    const message = parseMessage(bytes);
    if (message.kind === 'malformed') return;
    this.#trace('<', message.startLine);
    const branch = message.via?.branch ?? '';
    if (message.kind === 'response') {
      const waiting = this.#waiting.get(branch);
      if (waiting === undefined || message.status < 200) return;
      this.#waiting.delete(branch);
      return waiting.answered(message);
    }
    if (message.method === 'ACK') return;
    let answer = this.#given.get(branch);
    if (answer === undefined) {
      const status = message.method === 'MESSAGE' ? 200 : 486;
      answer = SipResponse.to(message, status).toBytes();
      this.#given.set(branch, answer);
      if (message.method === 'MESSAGE') this.#options.onText(message.body.toString());
    }
    this.#write(answer);
  }

  #write(bytes: Buffer): void {
    this.#socket.send(bytes, this.#options.port, '127.0.0.1');
  }

  #trace(direction: string, line: string): void {
    this.trace.push(`${new Date().toISOString()} ${direction} ${line}`);
    if (this.trace.length > 200) this.trace.splice(0, 100);
  }
}
