/**
 * The server's side of SCRAM: RFC 5802, RFC 7677 (SHA-256) and the same with SHA-512; downgrade protection of XEP-0474.
 * Bytes in, a value out: the same machine serves any protocol that carries SASL.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { parseClientFinal, parseClientFirst, type ClientFirst, type ScramError } from './scram-messages.ts';
import { digestName, type ScramHash, type ScramKeys, type ScramVerifier } from './verifiers.ts';

export type { ScramError } from './scram-messages.ts';

export type ScramFailure = {
  readonly kind: 'failure';
  /** The SASL failure condition in the words of RFC 6120 section 6.5. */
  readonly condition: 'malformed-request' | 'not-authorized' | 'invalid-authzid';
  /** The `e=` value; it never tells an unknown user from a wrong proof. */
  readonly error: ScramError;
};

export type ScramStep =
  | { readonly kind: 'challenge'; readonly data: Buffer }
  | { readonly kind: 'success'; readonly data: Buffer; readonly username: string; readonly authzid: string | undefined }
  | ScramFailure;

export interface ScramOptions {
  readonly hash: ScramHash;
  /** The client chose the mechanism's -PLUS variant. */
  readonly plus: boolean;
  /** The server offered a -PLUS variant of this mechanism on this connection. */
  readonly plusOffered: boolean;
  /** Channel binding data by type, `tls-exporter` and `tls-server-end-point`; undefined for a type that is not supported. */
  readonly binding: (type: string) => Buffer | undefined;
  /** The verifier of a user, or a decoy of the same shape: a verifier without keys fails at the end like a wrong proof. */
  readonly verifier: (username: string) => ScramVerifier;
  /** May this user act as that identity? Asked after the proof, only when the client names one. */
  readonly authorize: (username: string, authzid: string) => boolean;
  /** XEP-0474: what was advertised; absent where there is no such list. */
  readonly advertised?: Advertised;
  /** The server's part of the nonce, for test vectors. */
  readonly nonce?: string;
}

export interface Advertised {
  readonly mechanisms: readonly string[];
  /** The types of XEP-0440; absent when the list was not sent. */
  readonly bindings?: readonly string[];
}

type State =
  | { readonly kind: 'first' }
  | {
      readonly kind: 'final';
      readonly first: ClientFirst;
      readonly serverFirst: string;
      readonly verifier: ScramVerifier;
    }
  | { readonly kind: 'done' };

const nonceBytes = 18;

export class ScramServer {
  readonly #options: ScramOptions;
  #state: State = { kind: 'first' };

  constructor(options: ScramOptions) {
    this.#options = options;
  }

  /** Takes the client's next message. After a success or a failure every further message is a failure. */
  step(data: Buffer): ScramStep {
    const state = this.#state;
    this.#state = { kind: 'done' };
    if (state.kind === 'first') return this.#first(data);
    if (state.kind === 'final') return this.#final(data, state.first, state.serverFirst, state.verifier);
    return malformed('other-error');
  }

  #first(data: Buffer): ScramStep {
    const first = parseClientFirst(data);
    if (typeof first === 'string') return malformed(first);
    const wrong = this.#checkFlag(first);
    if (wrong !== undefined) return refused(wrong);
    const { hash, advertised, verifier: lookup, nonce = randomBytes(nonceBytes).toString('base64') } = this.#options;
    const verifier = lookup(first.username);
    const protection = advertised === undefined ? '' : `,h=${downgradeHash(hash, advertised)}`;
    const serverFirst = `r=${first.nonce}${nonce},s=${verifier.salt.toString('base64')},i=${verifier.iterations}${protection}`;
    this.#state = { kind: 'final', first, serverFirst, verifier };
    return { kind: 'challenge', data: Buffer.from(serverFirst, 'utf8') };
  }

  /** RFC 5802 section 6: what the client says of channel binding must fit what was offered and chosen. */
  #checkFlag({ flag }: ClientFirst): ScramError | undefined {
    const { plus, plusOffered, binding } = this.#options;
    if (flag.kind === 'p') {
      if (!plus) return 'channel-binding-not-supported';
      return binding(flag.type) === undefined ? 'unsupported-channel-binding-type' : undefined;
    }
    if (plus) return 'channel-bindings-dont-match';
    // "If the flag is set to "y" and the server supports channel binding, the server MUST fail authentication."
    return flag.kind === 'y' && plusOffered ? 'server-does-support-channel-binding' : undefined;
  }

  #final(data: Buffer, first: ClientFirst, serverFirst: string, verifier: ScramVerifier): ScramStep {
    const final = parseClientFinal(data);
    if (typeof final === 'string') return malformed(final);
    const nonceEnd = serverFirst.indexOf(',');
    if (!same(final.nonce, serverFirst.slice(2, nonceEnd))) return refused('other-error');
    if (!same(final.binding, this.#expectedBinding(first))) return refused('channel-bindings-dont-match');

    const authMessage = `${first.bare},${serverFirst},${final.withoutProof}`;
    const keys = matchProof(this.#options.hash, verifier, authMessage, final.proof);
    if (keys === undefined) return refused('invalid-proof');
    const { username, authzid } = first;
    if (authzid !== undefined && !this.#options.authorize(username, authzid)) {
      return { kind: 'failure', condition: 'invalid-authzid', error: 'other-error' };
    }
    const signature = hmac(this.#options.hash, keys.serverKey, authMessage).toString('base64');
    return { kind: 'success', data: Buffer.from(`v=${signature}`, 'utf8'), username, authzid };
  }

  /** Section 6: the server constructs the value of `c=` itself and compares. */
  #expectedBinding({ flag, gs2Header }: ClientFirst): string {
    const header = Buffer.from(gs2Header, 'utf8');
    const bound = flag.kind === 'p' ? this.#options.binding(flag.type) : undefined;
    return (bound === undefined ? header : Buffer.concat([header, bound])).toString('base64');
  }
}

/**
 * ClientKey := ClientProof XOR HMAC(StoredKey, AuthMessage); it is right when H(ClientKey) is StoredKey (section 3).
 * A decoy is checked against keys that nobody has, so that it takes as long.
 */
function matchProof(
  hash: ScramHash,
  verifier: ScramVerifier,
  authMessage: string,
  proof: Buffer,
): ScramKeys | undefined {
  const candidates = verifier.keys.length === 0 ? [nobody(proof.length)] : verifier.keys;
  let match: ScramKeys | undefined;
  for (const keys of candidates) {
    const signature = hmac(hash, keys.storedKey, authMessage);
    if (signature.length !== proof.length) continue;
    const clientKey = Buffer.alloc(proof.length);
    for (let at = 0; at < proof.length; at++) clientKey[at] = (proof[at] ?? 0) ^ (signature[at] ?? 0);
    const stored = createHash(digestName[hash]).update(clientKey).digest();
    if (timingSafeEqual(stored, keys.storedKey)) match = keys;
  }
  return verifier.keys.length === 0 ? undefined : match;
}

function nobody(length: number): ScramKeys {
  const storedKey = Buffer.alloc(length);
  return { storedKey, serverKey: storedKey };
}

/** XEP-0474: sorted mechanisms joined by %x1E, then %x1F and the sorted channel binding types likewise. */
function downgradeHash(hash: ScramHash, { mechanisms, bindings }: Advertised): string {
  let text = mechanisms.toSorted().join('\x1e');
  if (bindings !== undefined) text += `\x1f${bindings.toSorted().join('\x1e')}`;
  return createHash(digestName[hash]).update(text).digest('base64');
}

function hmac(hash: ScramHash, key: Buffer, text: string): Buffer {
  return createHmac(digestName[hash], key).update(text, 'utf8').digest();
}

/** Equal text, in a time that depends on the lengths alone. */
function same(a: string, b: string): boolean {
  const left = Buffer.from(a, 'utf8');
  const right = Buffer.from(b, 'utf8');
  return left.length === right.length && timingSafeEqual(left, right);
}

function malformed(error: ScramError): ScramFailure {
  return { kind: 'failure', condition: 'malformed-request', error };
}

function refused(error: ScramError): ScramFailure {
  return { kind: 'failure', condition: 'not-authorized', error };
}
