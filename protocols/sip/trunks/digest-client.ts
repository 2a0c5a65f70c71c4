import { randomBytes } from 'node:crypto';
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
  const given = { nonce, uri: request.uri, cnonce: randomBytes(8).toString('hex'), nc: '00000001' };
  const ha1 = computeHa1(algorithm, username, realm, password);
  const params: (readonly [string, string])[] = [
    ['username', username],
    ['realm', realm],
    ['nonce', nonce],
    ['uri', given.uri],
    ['response', digestResponse(algorithm, ha1, given, request.method)],
    ['qop', 'auth'],
    ['nc', given.nc],
    ['cnonce', given.cnonce],
  ];
  if (name !== undefined) params.push(['algorithm', name]);
  if (opaque !== undefined) params.push(['opaque', opaque]);
  return request
    .edit()
    .set(answers, `Digest ${authParams(params, true)}`)
    .done();
}

/** Challenges with qop "auth"; one without any qop, as RFC 2069 had it, gives no protection and is not answered. */
function readChallenge(value: string): readonly Challenge[] {
  const auth = parseAuth(value);
  const { params } = auth ?? {};
  const [realm, nonce, name] = [params?.get('realm'), params?.get('nonce'), params?.get('algorithm')];
  if (auth?.scheme !== 'digest' || realm === undefined || nonce === undefined) return [];
  const algorithm = (name ?? 'MD5').toUpperCase();
  const offered = (params?.get('qop') ?? '').toLowerCase().split(',');
  if ((algorithm !== 'MD5' && algorithm !== 'SHA-256') || !offered.some((qop) => qop.trim() === 'auth')) return [];
  return [{ algorithm, name, realm, nonce, opaque: params?.get('opaque') }];
}
