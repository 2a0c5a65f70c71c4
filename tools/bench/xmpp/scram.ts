import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

interface Keys {
  readonly client: Buffer;
  readonly stored: Buffer;
  readonly server: Buffer;
}

export interface Account {
  readonly user: string;
  readonly password: string;
}

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha1', key).update(text).digest();

/** One exchange of SCRAM-SHA-1 (RFC 5802) as a client without channel binding; throws when the server misbehaves. */
export class Scram {
  readonly #account: Account;
  readonly #cache: Map<string, Keys>;
  readonly #firstBare: string;
  #serverSignature = '';

  /**
   * @param cache keys by account, salt and iterations: RFC 5802, section 3 lets a client keep them, and the
   *   generator must not spend its time on PBKDF2.
   */
  constructor(account: Account, cache: Map<string, Keys>, nonce: string = randomBytes(18).toString('base64')) {
    this.#account = account;
    this.#cache = cache;
    this.#firstBare = `n=${account.user},r=${nonce}`;
  }

  clientFirst(): string {
    return `n,,${this.#firstBare}`;
  }

  clientFinal(serverFirst: string): string {
    const fields = new Map(serverFirst.split(',').map((field) => [field.slice(0, 1), field.slice(2)]));
    const nonce = fields.get('r');
    const salt = fields.get('s');
    const iterations = Number(fields.get('i'));
    const own = this.#firstBare.slice(this.#firstBare.lastIndexOf(',r=') + 3);
    if (nonce === undefined || salt === undefined || !(iterations > 0) || !nonce.startsWith(own)) {
      throw new Error(`bad SCRAM challenge: ${serverFirst}`);
    }
    const keys = this.#keys(salt, iterations);
    const withoutProof = `c=biws,r=${nonce}`;
    const authMessage = `${this.#firstBare},${serverFirst},${withoutProof}`;
    const signature = hmac(keys.stored, authMessage);
    const proof = keys.client.map((byte, i) => byte ^ (signature[i] ?? 0));
    this.#serverSignature = hmac(keys.server, authMessage).toString('base64');
    return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`;
  }

  /** Checks the server's signature, so a server that skips its half of the work is noticed. */
  verify(serverFinal: string): void {
    if (serverFinal !== `v=${this.#serverSignature}`) throw new Error(`bad SCRAM signature: ${serverFinal}`);
  }

  #keys(salt: string, iterations: number): Keys {
    const { user, password } = this.#account;
    const name = `${user} ${salt} ${iterations}`;
    const known = this.#cache.get(name);
    if (known !== undefined) return known;
    const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), iterations, 20, 'sha1');
    const client = hmac(salted, 'Client Key');
    const stored = createHash('sha1').update(client).digest();
    const keys = { client, stored, server: hmac(salted, 'Server Key') };
    this.#cache.set(name, keys);
    return keys;
  }
}

export type KeyCache = Map<string, Keys>;
