import { type Buffer, isUtf8 } from 'node:buffer';
import type { Connection, ConnectionHandler } from '#src/net/connection.ts';
import type { Timed } from '#src/net/timers.ts';
import type { ProxyServer } from './server.ts';
import {
  CONNECT,
  DOMAIN_NAME,
  type Greeting,
  type Login,
  methods,
  replies,
  type Reply,
  type Request,
  type SocksFault,
  SocksReader,
  writeLoginStatus,
  writeMethod,
  writeReply,
} from './socks.ts';

/** What comes next; `checking` while the accounts are asked. */
type Step = 'greeting' | 'login' | 'request' | 'checking' | 'over';

/** Why a connection was not joined to a bytestream. */
export type Rejection = 'malformed' | 'method' | 'login' | 'request' | 'full' | 'late';

/** More than a client can have to say before it is answered. */
const MAX_HELD = 1024;
/** A hash of SHA-1 in hexadecimal (XEP-0065 section 6.3.2). */
const HASH_LENGTH = 40;

/** A connection until it is one of a bytestream: the negotiation of SOCKS (RFC 1928 sections 3 to 6). */
export class Link implements ConnectionHandler, Timed {
  readonly connection: Connection;
  readonly #server: ProxyServer;
  readonly #reader = new SocksReader();
  #step: Step = 'greeting';

  constructor(connection: Connection, server: ProxyServer) {
    this.connection = connection;
    this.#server = server;
    connection.handler = this;
    server.timers.add(this, server.options.negotiation);
  }

  onData(chunk: Buffer): void {
    this.#reader.push(chunk);
    if (this.#step === 'checking') {
      if (this.#reader.held > MAX_HELD) this.#reject('malformed');
    } else this.#advance();
  }

  onClose(): void {
    this.#leave();
  }

  onTimeout(): void {
    this.#reject('late');
  }

  #advance(): void {
    while (this.#step === 'greeting' || this.#step === 'login' || this.#step === 'request') {
      const message = this.#reader.read(this.#step);
      if (message === undefined) return;
      this.#take(message);
    }
  }

  #take(message: Greeting | Login | Request | SocksFault): void {
    if (message.kind === 'greeting') this.#greet(message);
    else if (message.kind === 'login') this.#login(message);
    else if (message.kind === 'request') this.#request(message);
    else this.#reject('malformed');
  }

  /** RFC 1928 section 3: one of the methods that the client offers, or none. */
  #greet({ methods: offered }: Greeting): void {
    const method = this.#server.methodsFor(this.connection).find((one) => offered.includes(one));
    this.connection.write(writeMethod(method ?? methods.unacceptable));
    if (method === undefined) return this.#reject('method');
    this.#step = method === methods.password ? 'login' : 'request';
  }

  /** RFC 1929 section 2. */
  #login({ password, username }: Login): void {
    this.#step = 'checking';
    const known = isUtf8(username) && isUtf8(password);
    const checked = known
      ? this.#server.authenticate(username.toString(), password.toString())
      : Promise.resolve(false);
    checked.then(
      (right) => this.#checked(right),
      (error: unknown) => {
        this.#server.log.error('a login was not decided', { error: String(error) });
        this.#reject('login');
      },
    );
  }

  #checked(right: boolean): void {
    if (this.#step !== 'checking') return;
    this.connection.write(writeLoginStatus(right));
    if (!right) {
      this.#server.bans.fail(this.connection.remoteAddress, 'failed logins');
      return this.#reject('login');
    }
    this.connection.authenticated();
    this.#step = 'request';
    this.#advance();
  }

  /** XEP-0065 section 6.3.2: CONNECT to the hash, as a name, with port 0. */
  #request(request: Request): void {
    const { address, addressType, command, port } = request;
    if (command !== CONNECT) return this.#refuse(request, replies.commandNotSupported, 'request');
    if (addressType !== DOMAIN_NAME) return this.#refuse(request, replies.addressTypeNotSupported, 'request');
    const hash = address.length === HASH_LENGTH ? address.toString('latin1').toLowerCase() : '';
    if (!isHash(hash) || port !== 0) return this.#refuse(request, replies.notAllowed, 'request');
    this.#leave();
    // From here the bytestream hears what comes.
    if (!this.#server.streams.join(hash, this.connection)) return this.#refuse(request, replies.notAllowed, 'full');
    this.connection.write(writeReply(replies.succeeded, request));
  }

  #refuse(request: Request, reply: Reply, rejection: Rejection): void {
    this.connection.write(writeReply(reply, request));
    this.#reject(rejection);
  }

  #reject(rejection: Rejection): void {
    this.#leave();
    this.#server.rejected(this.connection, rejection);
    this.connection.end();
  }

  #leave(): void {
    this.#step = 'over';
    this.#server.timers.remove(this);
    this.#server.links.delete(this);
  }
}

function isHash(text: string): boolean {
  if (text.length !== HASH_LENGTH) return false;
  for (let at = 0; at < HASH_LENGTH; at++) {
    const code = text.charCodeAt(at);
    if (!((code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66))) return false;
  }
  return true;
}
