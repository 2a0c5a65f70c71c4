import type { Buffer } from 'node:buffer';
import { parseIp } from '#src/address/ip.ts';
import { Jid } from '#src/address/jid.ts';
import { connectionId } from '#protocols/stun/attributes/connection-id.ts';
import { messageIntegritySha256 } from '#protocols/stun/attributes/message-integrity-sha256.ts';
import { messageIntegrity } from '#protocols/stun/attributes/message-integrity.ts';
import { nonce } from '#protocols/stun/attributes/nonce.ts';
import {
  NO_PARAMETERS,
  type PasswordAlgorithm,
  passwordAlgorithm,
  passwordAlgorithmNumbers,
} from '#protocols/stun/attributes/password-algorithm.ts';
import { passwordAlgorithms } from '#protocols/stun/attributes/password-algorithms.ts';
import { realm } from '#protocols/stun/attributes/realm.ts';
import { userhash } from '#protocols/stun/attributes/userhash.ts';
import { username } from '#protocols/stun/attributes/username.ts';
import { type ErrorCode, errorCodes } from '#protocols/stun/error-codes.ts';
import {
  type IntegrityKey,
  integrityKey,
  longTermKey,
  verifyIntegrity,
  verifyIntegritySha256,
} from '#protocols/stun/integrity.ts';
import type { Message } from '#protocols/stun/message.ts';
import { methods } from '#protocols/stun/methods.ts';
import type { Owner } from './allocation.ts';
import type { Link } from './links/link.ts';
import { promisesAlgorithms } from './nonce.ts';
import type { TurnServer } from './server.ts';

/** A request whose integrity has been verified. */
export interface Proof extends Owner {
  readonly host: string;
  readonly key: IntegrityKey;
  /** Answers carry MESSAGE-INTEGRITY-SHA256, else MESSAGE-INTEGRITY. */
  readonly sha256: boolean;
}

/** Why a request is not authenticated; `challenge`: the answer tells realm and nonce. */
export interface Objection {
  readonly code: ErrorCode;
  readonly challenge: boolean;
}

type Algorithm = 'md5' | 'sha256';

/** What PASSWORD-ALGORITHMS says, the preferred one first. */
export const ALGORITHMS: readonly PasswordAlgorithm[] = [
  { algorithm: passwordAlgorithmNumbers.sha256, parameters: NO_PARAMETERS },
  { algorithm: passwordAlgorithmNumbers.md5, parameters: NO_PARAMETERS },
];

const badRequest: Objection = { code: errorCodes.badRequest, challenge: false };
const unauthenticated: Objection = { code: errorCodes.unauthenticated, challenge: true };
const staleNonce: Objection = { code: errorCodes.staleNonce, challenge: true };
const forbidden: Objection = { code: errorCodes.forbidden, challenge: false };

/** RFC 8489 section 9.2.4, the checks of the long-term credential mechanism in their order. */
export function authenticate(server: TurnServer, link: Link, message: Message): Proof | Objection {
  // "If the message does not contain a MESSAGE-INTEGRITY or MESSAGE-INTEGRITY-SHA256 attribute": 401
  if (!message.has(messageIntegrity) && !message.has(messageIntegritySha256)) return unauthenticated;
  // "but is missing either the USERNAME or USERHASH, REALM, or NONCE attribute": 400
  const told = { realm: message.get(realm), nonce: message.get(nonce), name: nameOf(server, message) };
  if (told.realm === undefined || told.nonce === undefined || told.name === undefined) return badRequest;
  // "If the NONCE attribute starts with the nonce cookie with … Password algorithms bit set to 1"
  const algorithm = promisesAlgorithms(told.nonce) ? chosenAlgorithm(message) : 'md5';
  if (algorithm === undefined) return badRequest;
  const sha256 = message.has(passwordAlgorithm);
  const state = nonceState(server, link, message, told.nonce);
  // "If the value of the USERNAME or USERHASH attribute is not valid": 401
  const host = server.hostOf(told.realm);
  const found =
    host === undefined ? undefined : credentialOf(server, link, told.name, { host, realm: told.realm, algorithm });
  if (host === undefined || found === undefined) return failed(server, link, state);
  // "If the MESSAGE-INTEGRITY-SHA256 attribute is present, compute the value …": 401
  const key = integrityKey(found.key);
  const right = message.has(messageIntegritySha256)
    ? verifyIntegritySha256(message, key)
    : verifyIntegrity(message, key);
  if (!right) return failed(server, link, state);
  // "If the NONCE is no longer valid": 438
  if (state !== 'fresh') return staleNonce;
  if (found.account !== undefined && !mayRelay(server, link, found.account)) return forbidden;
  return { user: found.user, username: told.name, host, key, sha256 };
}

/** RFC 6062 section 4.3: a data connection authenticates as its control connection does, so that one's nonce serves for it too. */
function nonceState({ connections, nonces, options, timers }: TurnServer, link: Link, message: Message, value: string) {
  const state = nonces.check(value, link, timers.now, options.nonceLifetime);
  if (state !== 'foreign' || message.method !== methods.connectionBind) return state;
  const id = message.get(connectionId);
  const control = id === undefined ? undefined : connections.get(id)?.control;
  return control === undefined ? state : nonces.check(value, control, timers.now, options.nonceLifetime);
}

/** The user name, by itself or by its hash; empty for a hash that nobody has. */
function nameOf({ options, userHashes }: TurnServer, message: Message): string | undefined {
  const name = message.get(username);
  if (name !== undefined) return name;
  const hash = message.get(userhash);
  if (hash === undefined) return undefined;
  return options.userHash ? (userHashes.nameOf(hash) ?? '') : '';
}

/** "If the request contains neither … then the request is processed as though PASSWORD-ALGORITHM were MD5"; undefined for 400. */
function chosenAlgorithm(message: Message): Algorithm | undefined {
  if (!message.has(passwordAlgorithm) && !message.has(passwordAlgorithms)) return 'md5';
  const chosen = message.get(passwordAlgorithm);
  const offered = message.get(passwordAlgorithms);
  // "(1) … both present, (2) PASSWORD-ALGORITHMS matches the value sent …, and (3) PASSWORD-ALGORITHM matches one of the entries"
  const same =
    offered?.length === ALGORITHMS.length &&
    offered.every(
      ({ algorithm, parameters }, at) => algorithm === ALGORITHMS[at]?.algorithm && parameters.length === 0,
    );
  if (!same || chosen === undefined || chosen.parameters.length > 0) return undefined;
  if (chosen.algorithm === passwordAlgorithmNumbers.sha256) return 'sha256';
  return chosen.algorithm === passwordAlgorithmNumbers.md5 ? 'md5' : undefined;
}

interface Found {
  readonly user: string;
  readonly key: Buffer;
  /** Absent for users of other programs. */
  readonly account: Jid | undefined;
}

interface Asked {
  readonly host: string;
  /** As the client spells it: the key is made of that. */
  readonly realm: string;
  readonly algorithm: Algorithm;
}

/** Whose name it is, and the key. */
function credentialOf(server: TurnServer, link: Link, name: string, asked: Asked): Found | undefined {
  const { algorithm, host, realm: spelled } = asked;
  const limited = server.credentials.read(name);
  if (limited === undefined) return ofAccount(server, name, host, algorithm);
  const kept = !server.options.strictExpiry && link.allocation?.owner.username === name;
  if (server.credentials.expired(limited) && !kept) return undefined;
  const jid = Jid.parse(limited.user);
  const account = jid !== undefined && jid.local !== '' && server.hosts.has(jid.domain) ? jid.asBare() : undefined;
  // Who has no account any more has no use of what was made for it.
  if (account !== undefined && !server.accounts.exists(account.domain, account.local)) return undefined;
  const key = longTermKey(algorithm, name, spelled, server.credentials.password(name));
  return { user: account?.bare ?? limited.user, key, account };
}

/** The key of an account, by either form of its name. */
function ofAccount({ accounts }: TurnServer, name: string, host: string, algorithm: Algorithm): Found | undefined {
  const whole = name.endsWith(`@${host}`);
  const local = accounts.canonical(whole ? name.slice(0, -host.length - 1) : name);
  if (local === undefined) return undefined;
  const form = whole ? 'local@domain' : 'local';
  const key = accounts.ha1(host, local, form, algorithm === 'md5' ? 'MD5' : 'SHA-256');
  const account = Jid.make(local, host);
  return key === undefined || account === undefined ? undefined : { user: account.bare, key, account };
}

/** Who guesses is on the way to a ban; but only who has had a nonce of ours at that address: another's address is easily written. */
function failed(server: TurnServer, link: Link, state: 'fresh' | 'stale' | 'foreign'): Objection {
  if (state !== 'foreign') server.bans.fail(link.address, 'turn authentication');
  return unauthenticated;
}

/** Asked after the proof, so that a stranger learns nothing. */
function mayRelay({ access, accounts }: TurnServer, link: Link, { domain, local }: Jid): boolean {
  if (accounts.banDetails(domain, local) !== undefined) return false;
  const address = parseIp(link.address);
  const subject = { local, domain, resource: '', protocol: 'turn', ...(address === undefined ? {} : { address }) };
  return access(domain).allows('c2s', subject);
}
