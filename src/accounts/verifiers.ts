/**
 * One password, every verifier: what is stored of a password so that SCRAM (RFC 5802, RFC 7677), digest authentication
 * (RFC 7616) and the long-term key of RFC 8489 section 9.2.2 work without the password itself.
 */
import { createHash, createHmac, hash as digest, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { NodeKey } from './node-key.ts';
import { passwordForms } from './password.ts';

export const scramHashes = ['SHA-1', 'SHA-256', 'SHA-512'] as const;
export type ScramHash = (typeof scramHashes)[number];

/** The names that node:crypto knows the hashes by. */
export const digestName = { 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-512': 'sha512' } as const satisfies Record<
  ScramHash,
  string
>;
export const digestBytes = { 'SHA-1': 20, 'SHA-256': 32, 'SHA-512': 64 } as const satisfies Record<ScramHash, number>;

export interface ScramKeys {
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

export interface ScramVerifier {
  readonly salt: Buffer;
  readonly iterations: number;
  /** One, or two where the SASLprep and the OpaqueString form of the password differ; none in a decoy. */
  readonly keys: readonly ScramKeys[];
}

/** The user name inside H(A1): phones send `local`, relay clients `local@domain`. */
export type Ha1Form = 'local' | 'local@domain';
/** RFC 7616 section 6.1, without the "-sess" variants. */
export const ha1Algorithms = ['MD5', 'SHA-256', 'SHA-512-256'] as const;
export type Ha1Algorithm = (typeof ha1Algorithms)[number];

/** The names that node:crypto knows them by. */
export const ha1Hash = { MD5: 'md5', 'SHA-256': 'sha256', 'SHA-512-256': 'sha512-256' } as const satisfies Record<
  Ha1Algorithm,
  string
>;

/** SHA-512 of the bytes of the password and a salt: what an import may bring, and nobody makes any more. */
export interface SaltedHash {
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/**
 * What is stored for an account. `ha1` is sealed by the node key: it is equivalent to the password in its realm. `salted` stands only
 * until the first login with the password, which gives all the others.
 */
export interface Credential {
  readonly version: 1;
  readonly scram: { readonly [H in ScramHash]?: ScramVerifier };
  readonly ha1?: Buffer;
  readonly salted?: SaltedHash;
}

export interface VerifierPolicy {
  /**
   * PBKDF2 iterations. At SCRAM the client pays them, at PLAIN the server does. RFC 5802 and RFC 7677 ask for 4096 at least.
   */
  readonly iterations: Readonly<Record<ScramHash, number>>;
  /** Keep H(A1)? Without it no digest login and no relay credential works. */
  readonly ha1: boolean;
}

/** SHA-1 is for old and slow clients, so it stays at the RFC's figure. */
export const defaultVerifierPolicy: VerifierPolicy = {
  iterations: { 'SHA-1': 4096, 'SHA-256': 10_000, 'SHA-512': 10_000 },
  ha1: true,
};

const saltBytes = 16;
const derive = promisify(pbkdf2);

/** Every verifier of a password, derived off the main thread; undefined when the password has no OpaqueString form. */
export async function makeCredential(
  host: string,
  local: string,
  password: string,
  policy: VerifierPolicy,
  key: NodeKey,
): Promise<Credential | undefined> {
  const forms = passwordForms(password);
  const [opaque] = forms;
  if (opaque === undefined) return undefined;
  const [sha1, sha256, sha512] = await Promise.all(
    scramHashes.map((hash) => makeScram(hash, forms, policy.iterations[hash])),
  );
  if (sha1 === undefined || sha256 === undefined || sha512 === undefined) throw new Error('a derivation gave nothing');
  const credential: Credential = { version: 1, scram: { 'SHA-1': sha1, 'SHA-256': sha256, 'SHA-512': sha512 } };
  return policy.ha1 ? { ...credential, ha1: sealHa1(host, local, opaque, key) } : credential;
}

/** A fresh salt and the keys of each form of the password. */
export async function makeScram(hash: ScramHash, forms: readonly string[], iterations: number): Promise<ScramVerifier> {
  const salt = randomBytes(saltBytes);
  const keys = await Promise.all(forms.map((form) => scramKeys(hash, form, salt, iterations)));
  return { salt, iterations, keys };
}

/** RFC 5802 section 3: StoredKey and ServerKey of a prepared password. */
export async function scramKeys(
  hash: ScramHash,
  prepared: string,
  salt: Buffer,
  iterations: number,
): Promise<ScramKeys> {
  const name = digestName[hash];
  const salted = await derive(Buffer.from(prepared, 'utf8'), salt, iterations, digestBytes[hash], name);
  const clientKey = createHmac(name, salted).update('Client Key').digest();
  return {
    storedKey: createHash(name).update(clientKey).digest(),
    serverKey: createHmac(name, salted).update('Server Key').digest(),
  };
}

/** Does the password, in one of its forms, give one of the stored keys? Constant time for a given password. */
export async function matchesPassword(hash: ScramHash, verifier: ScramVerifier, password: string): Promise<boolean> {
  const forms = passwordForms(password);
  const derived = await Promise.all(forms.map((form) => scramKeys(hash, form, verifier.salt, verifier.iterations)));
  let match = false;
  for (const { storedKey } of derived) {
    for (const stored of verifier.keys) match = timingSafeEqual(storedKey, stored.storedKey) || match;
  }
  return match;
}

/** Compares in constant time. */
export function matchesSalted({ hash, salt }: SaltedHash, password: string): boolean {
  return timingSafeEqual(createHash('sha512').update(password).update(salt).digest(), hash);
}

/**
 * What an unknown user is challenged with: a salt that stays the same, and no keys. Without the node key's secret it
 * cannot be told from a real one.
 */
export function decoyVerifier(
  secret: Buffer,
  hash: ScramHash,
  host: string,
  local: string,
  iterations: number,
): ScramVerifier {
  const salt = createHmac('sha256', secret).update(`${hash}\0${host}\0${local}`).digest().subarray(0, saltBytes);
  return { salt, iterations, keys: [] };
}

/** H(A1) = H(username ":" realm ":" password), RFC 7616 section 3.4.2; the same value is the key of RFC 8489 section 9.2.2. */
export function computeHa1(algorithm: Ha1Algorithm, username: string, realm: string, opaque: string): Buffer {
  return digest(ha1Hash[algorithm], `${username}:${realm}:${opaque}`, 'buffer');
}

/** Places in the bytes that are sealed. Older records end after SHA-256. */
const ha1Places = {
  MD5: { local: [0, 16], 'local@domain': [16, 32] },
  'SHA-256': { local: [32, 64], 'local@domain': [64, 96] },
  'SHA-512-256': { local: [96, 128], 'local@domain': [128, 160] },
} as const satisfies Record<Ha1Algorithm, Record<Ha1Form, readonly [from: number, to: number]>>;
const ha1Bytes = 160;

function ha1Context(host: string, local: string): string {
  return `ha1\0${host}\0${local}`;
}

/** The names that clients may give for an account of a host. */
export const ha1Names = (host: string, local: string): Readonly<Record<Ha1Form, string>> => ({
  local,
  'local@domain': `${local}@${host}`,
});

export function sealHa1(host: string, local: string, opaque: string, key: NodeKey): Buffer {
  const names = ha1Names(host, local);
  const values = ha1Algorithms.flatMap((algorithm) => [
    computeHa1(algorithm, names.local, host, opaque),
    computeHa1(algorithm, names['local@domain'], host, opaque),
  ]);
  return key.seal(Buffer.concat(values), ha1Context(host, local));
}

/** The H(A1) of one account. Kept as one text, since that is how digest authentication takes them, and they are kept by the thousand. */
export class Ha1 {
  readonly #hex: string;

  constructor(values: Buffer) {
    this.#hex = values.toString('hex');
  }

  /** Hexadecimal digits in lower case; undefined for an algorithm that was not known when the password was set. */
  text(form: Ha1Form, algorithm: Ha1Algorithm): string | undefined {
    const [from, to] = ha1Places[algorithm][form];
    return this.#hex.length < 2 * to ? undefined : this.#hex.slice(2 * from, 2 * to);
  }

  /** Of every algorithm. */
  get complete(): boolean {
    return this.#hex.length === 2 * ha1Bytes;
  }
}

/** Undefined when the seal does not open: another node key, or a changed record. */
export function openHa1(host: string, local: string, sealed: Buffer, key: NodeKey): Ha1 | undefined {
  const values = key.open(sealed, ha1Context(host, local));
  return values && new Ha1(values);
}

/** RFC 7616 section 3.4.4: H(username ":" realm), in hexadecimal digits in lower case. */
export const userhashOf = (algorithm: Ha1Algorithm, username: string, realm: string): string =>
  digest(ha1Hash[algorithm], `${username}:${realm}`);
