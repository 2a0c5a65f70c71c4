/** A SCRAM client of its own making, straight from RFC 5802 section 3: it shares no code with the server's side. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';

const names = { 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-512': 'sha512' } as const;
const sizes = { 'SHA-1': 20, 'SHA-256': 32, 'SHA-512': 64 } as const;

export interface ClientSide {
  readonly hash: keyof typeof names;
  readonly password: string;
  readonly gs2Header: string;
  readonly firstBare: string;
  readonly serverFirst: string;
  readonly bound?: Buffer;
  /** `,x=1` */
  readonly extension?: string;
}

export interface ClientExchange {
  readonly final: string;
  readonly serverFinal: string;
}

/** The client's final message, and the answer it expects from a server that knows the password. */
export function answer(side: ClientSide): ClientExchange {
  const { hash, password, gs2Header, firstBare, serverFirst, bound = Buffer.alloc(0), extension = '' } = side;
  const name = names[hash];
  const [nonce = '', salt = '', iterations = ''] = serverFirst.split(',');
  const salted = pbkdf2Sync(
    password,
    Buffer.from(salt.slice(2), 'base64'),
    Number(iterations.slice(2)),
    sizes[hash],
    name,
  );
  const clientKey = createHmac(name, salted).update('Client Key').digest();
  const storedKey = createHash(name).update(clientKey).digest();
  const binding = Buffer.concat([Buffer.from(gs2Header), bound]).toString('base64');
  const withoutProof = `c=${binding},${nonce}${extension}`;
  const message = `${firstBare},${serverFirst},${withoutProof}`;
  const signature = createHmac(name, storedKey).update(message).digest();
  const proof = clientKey.map((byte, at) => byte ^ (signature[at] ?? 0));
  const serverKey = createHmac(name, salted).update('Server Key').digest();
  return {
    final: `${withoutProof},p=${Buffer.from(proof).toString('base64')}`,
    serverFinal: `v=${createHmac(name, serverKey).update(message).digest('base64')}`,
  };
}
