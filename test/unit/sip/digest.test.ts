/** RFC 7616, RFC 8760: who proves what with which nonce. */
import test from 'ava';
import { createHash } from 'node:crypto';
import { NodeKey } from '#src/accounts/node-key.ts';
import { computeHa1, type Ha1Algorithm, type Ha1Form } from '#src/accounts/verifiers.ts';
import { Digest, digestResponse, type DigestResponse } from '#protocols/sip/digest.ts';

const REALM = 'example.org';
const ASK = { method: 'REGISTER', realm: REALM, ip: '192.0.2.1' };
const URI = `sip:${REALM}`;

class Clock {
  now = 1_700_000_000_000;
}

/** juliet has the password "secret"; nobody else is there. */
function digestAt(clock: Clock, key = NodeKey.random()): Digest {
  const accounts = {
    canonical: (name: string) => name.toLowerCase(),
    ha1: (host: string, local: string, form: Ha1Form, algorithm: Ha1Algorithm) =>
      host === REALM && local === 'juliet'
        ? computeHa1(algorithm, form === 'local' ? local : `${local}@${host}`, host, 'secret')
        : undefined,
  };
  return new Digest(accounts, key, () => clock.now);
}

function nonceOf(digest: Digest, ip = ASK.ip): string {
  return /nonce="([^"]+)"/.exec(digest.challenges(REALM, ip, false)[0] ?? '')?.[1] ?? '';
}

interface Said extends Partial<DigestResponse> {
  readonly password?: string;
  readonly method?: string;
}

function answer(nonce: string, said: Said = {}): DigestResponse {
  const { password = 'secret', method = ASK.method } = said;
  const base = {
    username: 'juliet',
    realm: REALM,
    nonce,
    uri: URI,
    algorithm: 'SHA-256',
    cnonce: 'c',
    qop: 'auth',
    nc: '00000001',
    ...said,
  };
  const algorithm: Ha1Algorithm = base.algorithm?.toUpperCase() === 'SHA-256' ? 'SHA-256' : 'MD5';
  const ha1 = computeHa1(algorithm, base.username, base.realm, password);
  return { response: digestResponse(algorithm, ha1, base, method), ...base };
}

const PROVEN = { kind: 'proven', local: 'juliet' };
const REFUSED = { kind: 'unproven', stale: false, guess: false };
const GUESS = { kind: 'unproven', stale: false, guess: true };
const STALE = { kind: 'unproven', stale: true, guess: false };

test('the example of RFC 7616 section 3.9.1', (t) => {
  const given = {
    nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    nc: '00000001',
    cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
    uri: '/dir/index.html',
  };
  const ha1 = (name: string): Buffer => createHash(name).update('Mufasa:http-auth@example.org:Circle of Life').digest();
  t.is(digestResponse('MD5', ha1('md5'), given, 'GET'), '8ca523f5e9506fed4657c9700eebdbec');
  t.is(
    digestResponse('SHA-256', ha1('sha256'), given, 'GET'),
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  );
});

test('SHA-256 is asked for first, then MD5, with qop auth', (t) => {
  const [first = '', second = '', ...rest] = digestAt(new Clock()).challenges(REALM, ASK.ip, true);
  t.regex(first, /^Digest realm="example\.org", qop="auth", nonce="[\w-]+", algorithm=SHA-256, stale=true$/);
  t.regex(second, /algorithm=MD5/);
  t.deepEqual(rest, []);
});

for (const [what, said, verdict] of [
  ['SHA-256', {}, PROVEN],
  ['MD5', { algorithm: 'MD5' }, PROVEN],
  ['no algorithm, which is MD5', { algorithm: undefined }, PROVEN],
  ['md5 in lower case', { algorithm: 'md5' }, PROVEN],
  ['the whole address as name', { username: 'juliet@example.org' }, PROVEN],
  ['the whole address, MD5', { username: 'juliet@example.org', algorithm: 'MD5' }, PROVEN],
  ['an algorithm that is not offered', { algorithm: 'SHA-512-256' }, REFUSED],
  ['qop auth-int, which is not offered', { qop: 'auth-int' }, REFUSED],
  ['no qop', { qop: undefined }, REFUSED],
  ['no cnonce', { cnonce: undefined }, REFUSED],
  ['no nc', { nc: undefined }, REFUSED],
  ['nc that is no number', { nc: 'xyz' }, REFUSED],
  ['another realm', { realm: 'example.net' }, REFUSED],
  ['a wrong password', { password: 'wrong' }, GUESS],
  ['another method', { method: 'INVITE' }, GUESS],
  ['an unknown user', { username: 'nobody' }, GUESS],
  ['the address of another host', { username: 'juliet@example.net' }, GUESS],
  ['a response of a wrong length', { response: 'abc' }, GUESS],
] as const satisfies readonly (readonly [string, Said, object])[]) {
  test(`digest: ${what}`, (t) => {
    const digest = digestAt(new Clock());
    t.deepEqual(digest.verify(answer(nonceOf(digest), said), ASK), verdict);
  });
}

test('a nonce expires after five minutes: stale when the password is right, a guess when not', (t) => {
  const clock = new Clock();
  const digest = digestAt(clock);
  const nonce = nonceOf(digest);
  clock.now += 5 * 60_000 + 1;
  t.deepEqual(digest.verify(answer(nonce), ASK), STALE);
  t.deepEqual(digest.verify(answer(nonce, { password: 'wrong' }), ASK), GUESS);
});

test('a nonce of somebody else is stale, and blames nobody', (t) => {
  const digest = digestAt(new Clock());
  for (const nonce of ['made-up', nonceOf(digest, '192.0.2.2'), nonceOf(digestAt(new Clock()))]) {
    t.deepEqual(digest.verify(answer(nonce), ASK), STALE);
    t.deepEqual(digest.verify(answer(nonce, { password: 'wrong' }), ASK), REFUSED);
  }
});

test('a count serves once; late ones within the window count', (t) => {
  const digest = digestAt(new Clock());
  const nonce = nonceOf(digest);
  const use = (nc: string): object => digest.verify(answer(nonce, { nc }), ASK);
  for (const nc of ['00000001', '00000005', '00000003', '00000004', '00000040']) t.deepEqual(use(nc), PROVEN, nc);
  for (const nc of ['00000001', '00000003', '00000005', '00000040', '00000020']) t.deepEqual(use(nc), STALE, nc);
  t.deepEqual(use('0000003f'), PROVEN);
});

test('a nonce of the last process is stale: what was used of it is forgotten', (t) => {
  const clock = new Clock();
  const key = NodeKey.random();
  const nonce = nonceOf(digestAt(clock, key));
  clock.now += 10;
  t.deepEqual(digestAt(clock, key).verify(answer(nonce), ASK), STALE);
});
