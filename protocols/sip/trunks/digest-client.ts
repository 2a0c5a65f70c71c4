import { hash, randomBytes } from 'node:crypto';
import { computeHa1, type Ha1Algorithm } from '#src/accounts/verifiers.ts';
import { digestResponse } from '../digest.ts';
import { authParams, parseAuth } from '../message/auth.ts';
import type { SipRequest, SipResponse } from '../message/message.ts';

export interface ClientCredentials {
  readonly username: string;
  readonly password: string;
}

interface Challenge {
  readonly algorithm: Ha1Algorithm;
  /** As it was written, for the answer. */
  readonly name: string | undefined;
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  /** It names a qop. */
  readonly qop: boolean;
}

/**
 * The same request with credentials for the challenges of a 401 or 407 (RFC 3261 section 22.2, RFC 8760 section 2.4: the strongest algorithm that is
 * known); undefined when there is none that can be answered. CSeq is not raised: whoever owns the dialog does that.
 */
export function answerChallenge(
  request: SipRequest,
  response: SipResponse,
  { password, username }: ClientCredentials,
): SipRequest | undefined {
  const [asks, answers] =
    response.status === 401
      ? (['WWW-Authenticate', 'Authorization'] as const)
      : (['Proxy-Authenticate', 'Proxy-Authorization'] as const);
  const challenges = response.all(asks).flatMap(readChallenge);
  const challenge = challenges.find(({ algorithm }) => algorithm === 'SHA-256') ?? challenges[0];
  if (challenge === undefined) return undefined;
  const { algorithm, name, nonce, opaque, realm } = challenge;
  const { method, uri } = request;
  const ha1 = computeHa1(algorithm, username, realm, password);
  const params: (readonly [string, string])[] = [
    ['username', username],
    ['realm', realm],
    ['nonce', nonce],
    ['uri', uri],
  ];
  if (challenge.qop) {
    const given = { nonce, uri, cnonce: randomBytes(8).toString('hex'), nc: '00000001' };
    params.push(['response', digestResponse(algorithm, ha1, given, method)]);
    params.push(['qop', 'auth'], ['nc', given.nc], ['cnonce', given.cnonce]);
  } else params.push(['response', withoutQop(algorithm, ha1, nonce, `${method}:${uri}`)]);
  if (name !== undefined) params.push(['algorithm', name]);
  if (opaque !== undefined) params.push(['opaque', opaque]);
  return request
    .edit()
    .set(answers, `Digest ${authParams(params, true)}`)
    .done();
}

/**
 * RFC 2617 section 3.2.2.1, as RFC 2069 had it: "servers MUST always send a qop" (RFC 3261 section 22.4), which switches of providers still do not.
 */
function withoutQop(algorithm: Ha1Algorithm, ha1: Buffer, nonce: string, a2: string): string {
  const name = algorithm === 'MD5' ? 'md5' : 'sha256';
  return hash(name, `${ha1.toString('hex')}:${nonce}:${hash(name, a2)}`);
}

/** Challenges with the qop "auth", or with none. */
function readChallenge(value: string): readonly Challenge[] {
  const auth = parseAuth(value);
  const { params } = auth ?? {};
  const [realm, nonce, name] = [params?.get('realm'), params?.get('nonce'), params?.get('algorithm')];
  if (auth?.scheme !== 'digest' || realm === undefined || nonce === undefined) return [];
  const algorithm = (name ?? 'MD5').toUpperCase();
  const offered = params?.get('qop')?.toLowerCase().split(',');
  if (algorithm !== 'MD5' && algorithm !== 'SHA-256') return [];
  if (offered?.some((qop) => qop.trim() === 'auth') === false) return [];
  return [{ algorithm, name, realm, nonce, opaque: params?.get('opaque'), qop: offered !== undefined }];
}
