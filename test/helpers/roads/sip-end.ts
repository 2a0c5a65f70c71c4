import { randomUUID } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { computeHa1 } from '#src/accounts/verifiers.ts';
import { digestResponse } from '#protocols/sip/digest.ts';
import type { End, EndOptions } from './end.ts';

/** Milliseconds without an answer after which a request is sent again (RFC 3261 section 17.1.2: timer E), and the longest. */
const FIRST = 500;
const LONGEST = 4000;
/** Requests that are answered again when they come again. */
const REMEMBERED = 2000;

interface Pending {
  readonly method: string;
  readonly uri: string;
  readonly to: string;
  readonly extra: string;
  readonly body: string;
  readonly callId: string;
  readonly done: (status: number) => void;
  cseq: number;
  bytes: string;
  timer: NodeJS.Timeout | undefined;
  wait: number;
}

/** A phone over UDP: registers, sends MESSAGE, takes MESSAGE. It knows copies of requests by Call-ID, From and CSeq. */
export class SipEnd implements End {
  readonly kind = 'sip';
  readonly #options: EndOptions;
  #socket: Socket | undefined;
  readonly #pending = new Map<string, Pending>();
  readonly #seen = new Set<string>();
  #nonce = '';
  #count = 0;
  #serial = 0;
  readonly #name: string;

  constructor(options: EndOptions) {
    this.#options = options;
    this.#name = `${options.user}-${randomUUID()}`;
  }

  get waiting(): number {
    return this.#pending.size;
  }

  async connect(): Promise<void> {
    const { domain } = this.#options;
    if (this.#socket === undefined) {
      const socket = createSocket('udp4');
      this.#socket = socket;
      socket.on('message', (bytes) => this.#received(bytes.toString('utf8')));
      socket.on('error', () => undefined);
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
    }
    const contact = `Contact: <sip:${this.#options.user}@127.0.0.1:${this.#port}>\r\nExpires: 3600\r\n`;
    const status = await new Promise<number>((resolve) => {
      this.#request('REGISTER', `sip:${domain}`, `sip:${this.#options.user}@${domain}`, contact, '', resolve);
    });
    if (status !== 200) throw new Error(`REGISTER was answered ${status}`);
  }

  get #port(): number {
    return this.#socket?.address().port ?? 0;
  }

  send(to: string, text: string, accepted: () => void): void {
    this.#request('MESSAGE', `sip:${to}`, `sip:${to}`, 'Content-Type: text/plain\r\n', text, (status) => {
      if (status >= 300) throw new Error(`MESSAGE was answered ${status}`);
      accepted();
    });
  }

  #request(method: string, uri: string, to: string, extra: string, body: string, done: (status: number) => void): void {
    this.#serial += 1;
    const callId = `${this.#name}-${this.#serial}`;
    const pending = { method, uri, to, extra, body, callId, done, cseq: 0, bytes: '', timer: undefined, wait: FIRST };
    this.#pending.set(callId, pending);
    this.#transmit(pending);
  }

  /** A new transaction: credentials count one higher. */
  #transmit(pending: Pending): void {
    const { domain, password, user } = this.#options;
    const { body, callId, extra, method, to, uri } = pending;
    pending.cseq += 1;
    let credentials = '';
    if (this.#nonce !== '') {
      const nc = (this.#count += 1).toString(16).padStart(8, '0');
      const given = { nonce: this.#nonce, nc, cnonce: 'c0ffee', uri };
      const response = digestResponse('MD5', computeHa1('MD5', user, domain, password), given, method);
      credentials = `Authorization: Digest username="${user}", realm="${domain}", nonce="${this.#nonce}", uri="${uri}", response="${response}", algorithm=MD5, qop=auth, nc=${nc}, cnonce="c0ffee"\r\n`;
    }
    pending.bytes =
      `${method} ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${this.#port};branch=z9hG4bK${callId}.${pending.cseq};rport\r\n` +
      `Max-Forwards: 70\r\nFrom: <sip:${user}@${domain}>;tag=${this.#name}\r\nTo: <${to}>\r\nCall-ID: ${callId}\r\n` +
      `CSeq: ${pending.cseq} ${method}\r\n${credentials}${extra}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    pending.wait = FIRST;
    this.#write(pending);
  }

  #write(pending: Pending): void {
    const { sip } = this.#options.ports;
    this.#socket?.send(pending.bytes, sip, '127.0.0.1');
    clearTimeout(pending.timer);
    pending.timer = setTimeout(() => this.#write(pending), pending.wait);
    pending.wait = Math.min(pending.wait * 2, LONGEST);
  }

  #received(text: string): void {
    const end = text.indexOf('\r\n\r\n');
    const head = text.slice(0, end);
    if (head.startsWith('SIP/2.0 ')) this.#answered(Number(head.slice(8, 11)), head);
    else if (head.startsWith('MESSAGE ')) this.#asked(head, text.slice(end + 4));
    else
      this.#respond(
        head,
        head.startsWith('OPTIONS ') || head.startsWith('NOTIFY ') ? '200 OK' : '405 Method Not Allowed',
      );
  }

  #answered(status: number, head: string): void {
    if (status < 200) return;
    const pending = this.#pending.get(field(head, 'Call-ID'));
    if (pending === undefined || !field(head, 'CSeq').startsWith(`${pending.cseq} `)) return;
    if (status === 401 || status === 407) {
      const challenge =
        head.split('\r\n').find((line) => /^(?:WWW|Proxy)-Authenticate:/i.test(line) && /algorithm=MD5/i.test(line)) ??
        '';
      const nonce = /nonce="([^"]*)"/.exec(challenge)?.[1] ?? '';
      if (nonce !== this.#nonce) this.#count = 0;
      this.#nonce = nonce;
      return this.#transmit(pending);
    }
    // The server is not quite there yet.
    if (status === 500 || status === 503) return;
    clearTimeout(pending.timer);
    this.#pending.delete(pending.callId);
    pending.done(status);
  }

  #asked(head: string, body: string): void {
    const key = `${field(head, 'Call-ID')} ${field(head, 'CSeq')} ${field(head, 'From')}`;
    if (!this.#seen.has(key)) {
      this.#seen.add(key);
      for (const oldest of this.#seen) if (this.#seen.size > REMEMBERED) this.#seen.delete(oldest);
      this.#options.onText(body);
    }
    this.#respond(head, '200 OK');
  }

  #respond(head: string, status: string): void {
    const lines = head.split('\r\n').filter((line) => /^(?:Via|From|Call-ID|CSeq):/i.test(line));
    const to = `To: ${field(head, 'To')};tag=${this.#name}`;
    const response = [`SIP/2.0 ${status}`, ...lines, to, 'Content-Length: 0', '', ''].join('\r\n');
    this.#socket?.send(response, this.#options.ports.sip, '127.0.0.1');
  }

  ask(): void {}

  /** A phone has no connection that could break. */
  drop(): void {}

  async close(): Promise<void> {
    for (const { timer } of this.#pending.values()) clearTimeout(timer);
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
}

function field(head: string, name: string): string {
  const line = head.split('\r\n').find((one) => one.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return line?.slice(name.length + 1).trim() ?? '';
}
