/**
 * The messages of SCRAM, RFC 5802 section 7. Parsed by hand, once from left to right: a hostile message costs its length.
 */
import { isUtf8 } from 'node:buffer';

/** Server error values of RFC 5802 section 7 that this server gives. */
export type ScramError =
  | 'invalid-encoding'
  | 'extensions-not-supported'
  | 'invalid-proof'
  | 'channel-bindings-dont-match'
  | 'server-does-support-channel-binding'
  | 'channel-binding-not-supported'
  | 'unsupported-channel-binding-type'
  | 'invalid-username-encoding'
  | 'other-error';

/** `n`: the client cannot bind; `y`: it can and believes that the server cannot; `p`: it binds by this type. */
export type BindingFlag = { readonly kind: 'n' | 'y' } | { readonly kind: 'p'; readonly type: string };

export interface ClientFirst {
  readonly flag: BindingFlag;
  /** As it arrived, with both commas: it comes back in `c=`. */
  readonly gs2Header: string;
  readonly authzid: string | undefined;
  readonly username: string;
  readonly nonce: string;
  readonly bare: string;
}

export interface ClientFinal {
  /** The value of `c=`, still base64. */
  readonly binding: string;
  readonly nonce: string;
  readonly proof: Buffer;
  readonly withoutProof: string;
}

/** No message of an honest client comes near; RFC 7622 bounds a username at 1023 bytes (three times that, escaped). */
const maxMessage = 8192;
const maxNonce = 1024;
const maxBindingName = 64;

/** `gs2-header client-first-message-bare`. */
export function parseClientFirst(data: Buffer): ClientFirst | ScramError {
  const text = decode(data);
  if (text === undefined) return 'invalid-encoding';
  const flagEnd = text.indexOf(',');
  const flag = flagEnd < 0 ? undefined : parseFlag(text.slice(0, flagEnd));
  if (flag === undefined) return 'invalid-encoding';
  const headerEnd = text.indexOf(',', flagEnd + 1);
  if (headerEnd < 0) return 'invalid-encoding';

  let authzid: string | undefined;
  if (headerEnd > flagEnd + 1) {
    if (!text.startsWith('a=', flagEnd + 1)) return 'invalid-encoding';
    authzid = decodeName(text.slice(flagEnd + 3, headerEnd));
    if (authzid === undefined) return 'invalid-username-encoding';
  }

  const bare = text.slice(headerEnd + 1);
  // Section 5.1: the presence of "m" in a client message MUST cause authentication failure.
  if (bare.startsWith('m=')) return 'extensions-not-supported';
  const [name, nonce, ...extensions] = bare.split(',');
  if (name === undefined || !name.startsWith('n=')) return 'invalid-encoding';
  const username = decodeName(name.slice(2));
  if (username === undefined) return 'invalid-username-encoding';
  if (nonce === undefined || !nonce.startsWith('r=') || !isNonce(nonce, 2)) return 'invalid-encoding';
  const wrong = checkExtensions(extensions);
  if (wrong !== undefined) return wrong;
  return { flag, gs2Header: text.slice(0, headerEnd + 1), authzid, username, nonce: nonce.slice(2), bare };
}

/** `channel-binding "," nonce ["," extensions] "," proof`. */
export function parseClientFinal(data: Buffer): ClientFinal | ScramError {
  const text = decode(data);
  if (text === undefined) return 'invalid-encoding';
  const [binding, nonce, ...rest] = text.split(',');
  const proof = rest.pop();
  if (binding === undefined || !binding.startsWith('c=')) return 'invalid-encoding';
  if (nonce === undefined || !nonce.startsWith('r=') || !isNonce(nonce, 2)) return 'invalid-encoding';
  if (proof === undefined || !proof.startsWith('p=')) return 'invalid-encoding';
  const wrong = checkExtensions(rest);
  if (wrong !== undefined) return wrong;
  const bytes = decodeBase64(proof.slice(2));
  if (bytes === undefined) return 'invalid-encoding';
  const withoutProof = text.slice(0, text.length - proof.length - 1);
  return { binding: binding.slice(2), nonce: nonce.slice(2), proof: bytes, withoutProof };
}

/** Base64 in its one canonical spelling; undefined for anything else. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length > 0 && bytes.toString('base64') === text ? bytes : undefined;
}

/** UTF-8 without NUL (section 7: `value-char`), within the bound. */
function decode(data: Buffer): string | undefined {
  if (data.length === 0 || data.length > maxMessage || data.includes(0) || !isUtf8(data)) return undefined;
  return data.toString('utf8');
}

function parseFlag(text: string): BindingFlag | undefined {
  if (text === 'n' || text === 'y') return { kind: text };
  if (!text.startsWith('p=') || text.length < 3 || text.length > maxBindingName + 2) return undefined;
  for (let at = 2; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (!isAlpha(code) && !(code >= 0x30 && code <= 0x39) && code !== 0x2d && code !== 0x2e) return undefined;
  }
  return { kind: 'p', type: text.slice(2) };
}

/** `saslname`: "=2C" and "=3D" stand for comma and equals; an "=" before anything else MUST fail (section 5.1). */
function decodeName(text: string): string | undefined {
  if (text === '') return undefined;
  let name = '';
  let from = 0;
  for (let at = text.indexOf('='); at >= 0; at = text.indexOf('=', from)) {
    const escape = text.slice(at, at + 3);
    if (escape !== '=2C' && escape !== '=3D') return undefined;
    name += text.slice(from, at) + (escape === '=2C' ? ',' : '=');
    from = at + 3;
  }
  return name + text.slice(from);
}

/** `1*printable`: %x21-2B / %x2D-7E. */
function isNonce(text: string, from: number): boolean {
  if (text.length === from || text.length > maxNonce) return false;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x21 || code > 0x7e || code === 0x2c) return false;
  }
  return true;
}

/** Attributes that section 5.1 defines: they have their own places and are no extensions. */
const defined = 'anrcsipve';

/** Optional extensions are ignored when they are well formed; a mandatory one is refused. */
function checkExtensions(extensions: readonly string[]): ScramError | undefined {
  for (const extension of extensions) {
    if (extension.length < 3 || extension[1] !== '=' || !isAlpha(extension.charCodeAt(0))) return 'invalid-encoding';
    if (extension.startsWith('m=')) return 'extensions-not-supported';
    if (defined.includes(extension.charAt(0))) return 'invalid-encoding';
  }
  return undefined;
}

function isAlpha(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}
