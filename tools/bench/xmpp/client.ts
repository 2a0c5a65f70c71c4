import { randomBytes } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { Endpoint } from '#tools/bench/result.ts';
import { type Element, attribute, childText, nextElement } from '#tools/bench/xmpp/scan.ts';
import { type Account, type KeyCache, Scram } from '#tools/bench/xmpp/scram.ts';

const TIMEOUT_MS = 30_000;
const STANZAS = new Set(['message', 'presence', 'iq']);

// One buffer serves every socket: what is read is used up before the next read. (node:net, `onread`.)
const shared = Buffer.allocUnsafe(65_536);

interface Waiting {
  readonly resolve: (element: Element) => void;
  readonly reject: (error: Error) => void;
}

/** One XMPP client stream. It reads element by element while it negotiates, then hands raw chunks to a listener. */
export class Client {
  readonly endpoint: Endpoint;
  readonly #socket: Socket;
  readonly #closed = Promise.withResolvers<void>();
  #text = '';
  #waiting: Waiting | undefined;
  #listener: ((chunk: Buffer) => void) | undefined;
  #ended: Error | undefined;
  #stanzas = 0;

  private constructor(endpoint: Endpoint, ready: () => void) {
    this.endpoint = endpoint;
    const onread = {
      buffer: shared,
      callback: (length: number, buffer: Uint8Array): boolean => {
        this.#receive(buffer.subarray(0, length) as Buffer);
        return true;
      },
    };
    const { host, port } = endpoint;
    if (endpoint.tls) {
      // One cipher and one group for all, so that servers are compared and not their preferences.
      const options: ConnectionOptions & { onread: typeof onread } = {
        host,
        port,
        onread,
        servername: endpoint.domain,
        rejectUnauthorized: false,
        minVersion: 'TLSv1.3',
        ciphers: 'TLS_AES_128_GCM_SHA256',
        ecdhCurve: 'X25519',
      };
      this.#socket = connectTls(options, ready);
    } else {
      this.#socket = connectTcp({ host, port, onread }, ready);
    }
    this.#socket.setNoDelay(true);
    this.#socket.on('error', (error) => this.#end(error));
    this.#socket.on('end', () => this.#end(new Error('the server closed the connection')));
    this.#socket.on('close', () => {
      this.#end(new Error('the connection was closed'));
      this.#closed.resolve();
    });
  }

  /** Opens the connection (TCP and TLS); the stream is still to be opened. */
  static connect(endpoint: Endpoint): Promise<Client> {
    const { promise, resolve, reject } = Promise.withResolvers<Client>();
    const client: Client = new Client(endpoint, () => resolve(client));
    void client.#closed.promise.then(() => reject(client.#ended ?? new Error('closed')));
    return promise;
  }

  /** Stanzas read with `next` and `expect`, as XEP-0198 counts them. */
  get stanzas(): number {
    return this.#stanzas;
  }

  write(text: string): void {
    this.#socket.write(text, 'latin1');
  }

  /** The next element of the stream; rejects when the stream ends or nothing comes for 30 s. */
  next(): Promise<Element> {
    const { promise, resolve, reject } = Promise.withResolvers<Element>();
    const timer = setTimeout(() => reject(new Error('no answer for 30 s')), TIMEOUT_MS);
    this.#waiting = {
      resolve: (element) => {
        clearTimeout(timer);
        resolve(element);
      },
      reject: (error) => {
        clearTimeout(timer);
        reject(error);
      },
    };
    this.#feed();
    return promise;
  }

  /** The next element of that name; others are passed over, except errors that end the negotiation. */
  async expect(name: string): Promise<string> {
    for (;;) {
      const element = await this.next();
      if (element.name === name) return element.text;
      if (['failure', 'stream:error', '/stream:stream', 'failed'].includes(element.name)) {
        throw new Error(`expected <${name}/>, got ${element.text}`);
      }
    }
  }

  /** From now on every chunk goes to the listener as it comes; the chunk is only valid during the call. */
  listen(listener: (chunk: Buffer) => void): void {
    this.#listener = listener;
    const early = Buffer.from(this.#text, 'latin1');
    this.#text = '';
    if (early.length > 0) listener(early);
  }

  async openStream(): Promise<string> {
    this.write(
      `<?xml version='1.0'?><stream:stream to='${this.endpoint.domain}' version='1.0' xml:lang='en' ` +
        `xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`,
    );
    return await this.expect('stream:features');
  }

  /** Ends the stream and waits until the server has ended its own (RFC 6120, section 4.4). */
  async close(): Promise<void> {
    this.#listener ??= () => undefined;
    if (this.#ended === undefined) this.#socket.end('</stream:stream>', 'latin1');
    else this.#socket.destroy();
    const timer = setTimeout(() => this.#socket.destroy(), TIMEOUT_MS);
    await this.#closed.promise;
    clearTimeout(timer);
  }

  #receive(chunk: Buffer): void {
    if (this.#listener !== undefined) {
      this.#listener(chunk);
      return;
    }
    this.#text += chunk.toString('latin1');
    this.#feed();
  }

  #feed(): void {
    if (this.#waiting === undefined) return;
    const element = nextElement(this.#text);
    if (element !== undefined) {
      this.#text = element.rest;
      if (STANZAS.has(element.name)) this.#stanzas++;
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve(element);
    } else if (this.#ended !== undefined) {
      this.#waiting.reject(this.#ended);
      this.#waiting = undefined;
    }
  }

  #end(error: Error): void {
    this.#ended ??= error;
    this.#feed();
  }
}

/** The bench's account number `n`. */
export function account(n: number): Account {
  return { user: `bench${n}`, password: `secret-${n}` };
}

/** Logs in with SCRAM-SHA-1 and binds; returns the full JID. No presence is sent. */
export async function login(client: Client, who: Account, cache: KeyCache, resource?: string): Promise<string> {
  await client.openStream();
  const scram = new Scram(who, cache);
  const first = Buffer.from(scram.clientFirst()).toString('base64');
  client.write(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>${first}</auth>`);
  const challenge = await client.expect('challenge');
  const final = scram.clientFinal(Buffer.from(content(challenge), 'base64').toString());
  client.write(
    `<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>${Buffer.from(final).toString('base64')}</response>`,
  );
  scram.verify(Buffer.from(content(await client.expect('success')), 'base64').toString());
  await client.openStream();
  const wanted = resource === undefined ? '' : `<resource>${resource}</resource>`;
  const id = randomBytes(6).toString('hex');
  client.write(`<iq type='set' id='${id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>${wanted}</bind></iq>`);
  const bound = await client.expect('iq');
  const jid = childText(bound, 'jid');
  if (attribute(bound, 'type') !== 'result' || jid === undefined) throw new Error(`no resource bound: ${bound}`);
  return jid;
}

/** Comes online and waits for the server's copy of our own presence (RFC 6121, section 4.2.2). */
export async function sendPresence(client: Client): Promise<void> {
  client.write('<presence/>');
  await client.expect('presence');
}

/** Enables stream management (XEP-0198); returns how many stanzas were read before, which are not counted. */
export async function enableSm(client: Client): Promise<number> {
  client.write(`<enable xmlns='urn:xmpp:sm:3' resume='true'/>`);
  await client.expect('enabled');
  return client.stanzas;
}

function content(element: string): string {
  return element.slice(element.indexOf('>') + 1, element.lastIndexOf('</'));
}
