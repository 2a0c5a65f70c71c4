/** What is stored for an account, and how it becomes bytes. */
import { json, type Codec } from '#src/store/codec.ts';
import {
  digestBytes,
  type SaltedHash,
  scramHashes,
  type Credential,
  type ScramHash,
  type ScramKeys,
  type ScramVerifier,
} from './verifiers.ts';

interface StoredVerifier {
  readonly salt: string;
  readonly iterations: number;
  /** Pairs of StoredKey and ServerKey. */
  readonly keys: readonly (readonly [string, string])[];
}

interface StoredCredential {
  readonly version: number;
  readonly scram: Readonly<Record<string, StoredVerifier>>;
  readonly ha1?: string;
  /** Salt and hash. */
  readonly salted?: readonly [string, string];
}

const stored = json<StoredCredential>({ maxBytes: 8192 });

/** JSON with the bytes in base64. `decode` throws for a newer version and for keys of a wrong length. */
export const credentialCodec: Codec<Credential> = {
  encode({ version, scram, ha1, salted }) {
    const verifiers: Record<string, StoredVerifier> = {};
    for (const hash of scramHashes) {
      const verifier = scram[hash];
      if (verifier !== undefined) verifiers[hash] = storeVerifier(verifier);
    }
    return stored.encode({
      version,
      scram: verifiers,
      ...(ha1 === undefined ? {} : { ha1: ha1.toString('base64') }),
      ...(salted === undefined ? {} : { salted: [salted.salt.toString('base64'), salted.hash.toString('base64')] }),
    });
  },
  decode(bytes) {
    const { version, scram, ha1, salted } = stored.decode(bytes);
    if (version !== 1) throw new RangeError(`a credential of version ${version}; this program knows version 1`);
    const verifiers: { [H in ScramHash]?: ScramVerifier } = {};
    for (const hash of scramHashes) {
      const verifier = scram[hash];
      if (verifier !== undefined) verifiers[hash] = loadVerifier(hash, verifier);
    }
    return {
      version,
      scram: verifiers,
      ...(ha1 === undefined ? {} : { ha1: Buffer.from(ha1, 'base64') }),
      ...(salted === undefined ? {} : { salted: loadSalted(salted) }),
    };
  },
};

function storeVerifier({ salt, iterations, keys }: ScramVerifier): StoredVerifier {
  return {
    salt: salt.toString('base64'),
    iterations,
    keys: keys.map(({ storedKey, serverKey }) => [storedKey.toString('base64'), serverKey.toString('base64')]),
  };
}

function loadVerifier(hash: ScramHash, { salt, iterations, keys }: StoredVerifier): ScramVerifier {
  return {
    salt: Buffer.from(salt, 'base64'),
    iterations,
    keys: keys.map(([storedKey, serverKey]) => loadKeys(hash, storedKey, serverKey)),
  };
}

function loadKeys(hash: ScramHash, stored64: string, server64: string): ScramKeys {
  const storedKey = Buffer.from(stored64, 'base64');
  const serverKey = Buffer.from(server64, 'base64');
  if (storedKey.length !== digestBytes[hash] || serverKey.length !== digestBytes[hash])
    throw new RangeError(`a key of ${hash} has a wrong length`);
  return { storedKey, serverKey };
}

function loadSalted([salt, hash]: readonly [string, string]): SaltedHash {
  const salted = { salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
  if (salted.hash.length !== digestBytes['SHA-512']) throw new RangeError('a salted hash has a wrong length');
  return salted;
}
