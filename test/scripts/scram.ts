import { Buffer } from 'node:buffer';
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

/** The client's side of SCRAM (RFC 5802 section 3), with every part of it to be chosen wrong by a script. */
export class ScramClient {
  readonly #hash: string;
  readonly #header: string;
  readonly #binding: Buffer;
  readonly #bare: string;
  #serverSignature = '';

  /**
   * @param hash as in the mechanism's name: `SHA-256`
   * @param header the GS2 header: `n,,`
   * @param binding the data of the channel that the header names
   */
  constructor(hash: string, username: string, header: string, binding: Buffer) {
    this.#hash = hash.toLowerCase().replace('-', '');
    this.#header = header;
    this.#binding = binding;
    this.#bare = `n=${username},r=${randomBytes(12).toString('base64url')}`;
  }

  first(): string {
    return `${this.#header}${this.#bare}`;
  }

  /** The answer to the server's first message. */
  final(serverFirst: string, password: string): string {
    const [, nonce = '', salt = '', count = '0'] = /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(serverFirst) ?? [];
    const channel = Buffer.concat([Buffer.from(this.#header), this.#binding]).toString('base64');
    const unproven = `c=${channel},r=${nonce}`;
    const message = `${this.#bare},${serverFirst},${unproven}`;
    const length = createHash(this.#hash).digest().length;
    const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(count), length, this.#hash);
    const clientKey = this.#hmac(salted, 'Client Key');
    const signature = this.#hmac(createHash(this.#hash).update(clientKey).digest(), message);
    const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0));
    this.#serverSignature = this.#hmac(this.#hmac(salted, 'Server Key'), message).toString('base64');
    return `${unproven},p=${Buffer.from(proof).toString('base64')}`;
  }

  /** What a server that knows the password says at the end. */
  get serverFinal(): string {
    return `v=${this.#serverSignature}`;
  }

  #hmac(key: Buffer, text: string): Buffer {
    return createHmac(this.#hash, key).update(text).digest();
  }
}
