import { type Buffer, isUtf8 } from 'node:buffer';
import { parseIp } from '#src/address/ip.ts';
import { Jid } from '#src/address/jid.ts';
import type { Broker } from './broker.ts';
import type { Transport } from './links/transport.ts';
import { type ReasonCode, reasonCodes } from './packet/reason-codes.ts';
import type { Connect } from './packet/types.ts';
import type { MqttServer } from './server.ts';

/** Why a client is not let in. */
export class Objection {
  readonly reason: ReasonCode;
  readonly text: string;
  /** A stranger who guesses gets it: it counts towards a ban of the address. */
  readonly guess: boolean;

  constructor(reason: ReasonCode, text: string, guess = false) {
    this.reason = reason;
    this.text = text;
    this.guess = guess;
  }
}

/** The account that proved itself, on its host; the bare domain for an anonymous client. */
export interface Login {
  readonly broker: Broker;
  /** Local part; empty for an anonymous client. */
  readonly account: string;
}

const badCredentials = (): Objection =>
  new Objection(reasonCodes.badUserNameOrPassword, 'user name or password is wrong', true);

/** The host and the local part that a user name stands for: a bare JID, or a local part on the listener's host. */
export function readUsername(server: MqttServer, username: string, serverName: string | undefined): Login | undefined {
  const at = username.lastIndexOf('@');
  const broker = at < 0 ? server.brokerOf(serverName) : server.broker(username.slice(at + 1));
  const account = server.accounts.canonical(at < 0 ? username : username.slice(0, at));
  return broker === undefined || account === undefined ? undefined : { broker, account };
}

/** Who a client is, by what its CONNECT says: a password, a certificate, or nobody in particular. */
export function authenticate(
  server: MqttServer,
  transport: Transport,
  { password, username }: Connect,
): Login | Objection | Promise<Login | Objection> {
  if (username === undefined || (password === undefined && transport.tls !== undefined)) {
    const certified = byCertificate(server, transport, username);
    if (certified !== undefined) return certified;
  }
  if (username === undefined) return anonymous(server, transport);
  if (password === undefined) return badCredentials();
  if (!secureEnough(server, transport))
    return new Objection(reasonCodes.notAuthorized, 'passwords are taken over TLS only');
  const login = readUsername(server, username, transport.tls?.serverName);
  return checkPassword(server, login, username, password);
}

/** An unknown user costs the same derivation as a known one. */
async function checkPassword(
  server: MqttServer,
  login: Login | undefined,
  username: string,
  password: Buffer,
): Promise<Login | Objection> {
  if (!isUtf8(password)) return badCredentials();
  const domain = login?.broker.domain ?? server.brokerOf(undefined).domain;
  const right = await server.accounts.checkPassword(domain, login?.account ?? username, password.toString('utf8'));
  return right && login !== undefined ? login : badCredentials();
}

/** Whether credentials may come in the clear. */
function secureEnough({ options }: MqttServer, { loopback, secured }: Transport): boolean {
  const { plainWithoutTls } = options;
  return secured || plainWithoutTls === 'always' || (loopback && plainWithoutTls === 'loopback');
}

function anonymous(server: MqttServer, { listener, tls }: Transport): Login | Objection {
  const broker = server.brokerOf(tls?.serverName);
  if (broker.options.anonymous.has(listener)) return { broker, account: '' };
  return new Objection(reasonCodes.notAuthorized, 'a user name is needed here');
}

/** The account that a verified certificate names by its common name; it must be the one that CONNECT names, if it names one. */
function byCertificate(server: MqttServer, { tls }: Transport, username: string | undefined): Login | undefined {
  const certificate = tls?.peerCertificate;
  if (certificate === undefined || tls?.peerVerified !== true) return undefined;
  const name = /^CN=(.+)$/m.exec(certificate.subject)?.[1];
  const login = name === undefined ? undefined : readUsername(server, name, tls.serverName);
  if (login === undefined || !login.broker.options.certificateUser) return undefined;
  const claimed = username === undefined ? login : readUsername(server, username, tls.serverName);
  if (claimed?.broker !== login.broker || claimed.account !== login.account) return undefined;
  return server.accounts.exists(login.broker.domain, login.account) ? login : undefined;
}

/** Why an account that proved itself still may not come in. Asked after the proof, so that a stranger learns nothing. */
export function objectionTo(
  server: MqttServer,
  { broker, account }: Login,
  { ip }: Transport,
  resource: string,
): Objection | undefined {
  const { domain } = broker;
  if (account === '') return undefined;
  const ban = server.accounts.banDetails(domain, account);
  if (ban !== undefined) return new Objection(reasonCodes.banned, 'the account is disabled');
  const address = parseIp(ip);
  const subject = { local: account, domain, resource, protocol: 'mqtt', ...(address === undefined ? {} : { address }) };
  if (server.access(domain).allows('c2s', subject)) return undefined;
  return new Objection(reasonCodes.notAuthorized, 'this account may not log in here');
}

/** The canonical client identifier, which is the resource of the account's address (RFC 7622 section 3.4); undefined when it can be none. */
export function readClientId({ account, broker }: Login, clientId: string): string | undefined {
  return Jid.make(account, broker.domain, clientId)?.resource || undefined;
}
