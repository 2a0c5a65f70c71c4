/** RFC 7616, RFC 8760: who proves what with which nonce. */
import test from 'ava';
import { createHash } from 'node:crypto';
import {
  computeHa1,
  ha1Algorithms,
  type Ha1Algorithm,
  type Ha1Form,
  ha1Names,
  userhashOf,
} from '#src/accounts/verifiers.ts';
import { Digest, type DigestOptions, digestResponse, type DigestResponse } from '#protocols/sip/digest.ts';

const REALM = 'example.org';
const ASK = { method: 'REGISTER', realm: REALM, ip: '192.0.2.1' };
const URI = `sip:${REALM}`;

class Clock {
  now = 1_700_000_000_000;
}

/** juliet has the password "secret", and romeo has it from before there was SHA-512-256; nobody else is there. */
function digestAt(clock: Clock, options?: Partial<DigestOptions>): Digest {
  const accounts = {
    canonical: (name: string) => name.toLowerCase(),
    ha1Text: (host: string, local: string, form: Ha1Form, algorithm: Ha1Algorithm) => {
      const isThere = local === 'juliet' || (local === 'romeo' && algorithm !== 'SHA-512-256');
      if (host !== REALM || !isThere) return undefined;
      return computeHa1(algorithm, ha1Names(host, local)[form], host, 'secret').toString('hex');
    },
    userOf: (host: string, userhash: string) =>
      Object.values(ha1Names(host, 'juliet')).find((name) =>
        ha1Algorithms.some((algorithm) => userhashOf(algorithm, name, host) === userhash),
      ),
  };
  const given = { algorithms: ['SHA-256', 'MD5'], userhash: false, ...options } as const;
  return new Digest(
    accounts,
    () => given,
    () => clock.now,
  );
}

function nonceOf(digest: Digest, ip = ASK.ip): string {
  return /nonce="([^"]+)"/.exec(digest.challenges(REALM, ip, { stale: false })[0] ?? '')?.[1] ?? '';
}

interface Said extends Partial<DigestResponse> {
  readonly password?: string;
  readonly method?: string;
}

function answer(nonce: string, said: Said = {}): DigestResponse {
  const { password = 'secret', method = ASK.method } = said;
  const base = {
    username: 'juliet',
    userhash: false,
    realm: REALM,
    nonce,
    uri: URI,
    algorithm: 'SHA-256',
    cnonce: 'c',
    qop: 'auth',
    nc: '00000001',
    ...said,
  };
  const algorithm = ha1Algorithms.find((name) => name === base.algorithm?.toUpperCase()) ?? 'MD5';
  const ha1 = computeHa1(algorithm, base.username, base.realm, password);
  const username = base.userhash ? userhashOf(algorithm, base.username, base.realm) : base.username;
  return { response: digestResponse(algorithm, ha1, base, method), ...base, username };
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

// The response and userhash that are printed there are those of SHA-512 cut short (erratum 4897); these are of SHA-512/256.
test('the example of RFC 7616 section 3.9.2', (t) => {
  const [username, realm] = ['J\u00e4s\u00f8n Doe', 'api@example.org'];
  const given = {
    nonce: '5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK',
    nc: '00000001',
    cnonce: 'NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v',
    uri: '/doe.json',
  };
  const ha1 = computeHa1('SHA-512-256', username, realm, 'Secret, or not?');
  t.is(
    digestResponse('SHA-512-256', ha1, given, 'GET'),
    '3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5',
  );
  t.is(userhashOf('SHA-512-256', username, realm), '793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b');
});

test('SHA-256 is asked for first, then MD5, with qop auth', (t) => {
  const [first = '', second = '', ...rest] = digestAt(new Clock()).challenges(REALM, ASK.ip, { stale: true });
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

test('a nonce of somebody else is stale, blames nobody, and tells nobody whether the password is right', (t) => {
  const digest = digestAt(new Clock());
  const own = nonceOf(digest);
  const nonces = [
    'made-up',
    '',
    `0${own}`,
    own.slice(1),
    `${own}0`,
    nonceOf(digest, '192.0.2.2'),
    nonceOf(digestAt(new Clock())),
  ];
  for (const nonce of nonces) {
    t.deepEqual(digest.verify(answer(nonce), ASK), STALE, nonce);
    t.deepEqual(digest.verify(answer(nonce, { password: 'wrong' }), ASK), STALE, nonce);
  }
  t.deepEqual(digest.verify(answer(own), ASK), PROVEN);
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
  const nonce = nonceOf(digestAt(clock));
  const again = digestAt(clock);
  nonceOf(again);
  t.deepEqual(again.verify(answer(nonce), ASK), STALE);
});

test('a nonce is stale once very many others were issued, and no count of theirs is taken for one of its own', (t) => {
  const digest = digestAt(new Clock());
  const nonce = nonceOf(digest);
  for (let i = 0; i < 1 << 18; i += 1) digest.nonces.issue(REALM, ASK.ip);
  t.deepEqual(digest.verify(answer(nonce), ASK), STALE);
  t.deepEqual(digest.verify(answer(nonceOf(digest)), ASK), PROVEN);
});

const ALL: Partial<DigestOptions> = { algorithms: ['SHA-512-256', 'SHA-256', 'MD5'], userhash: true };

const algorithmsOf = (challenges: readonly string[]): readonly (string | undefined)[] =>
  challenges.map((value) => /algorithm=([^,]+)/.exec(value)?.[1]);

test('algorithms are asked for in the order of the options, with userhash; MD5 alone without it', (t) => {
  const challenges = digestAt(new Clock(), ALL).challenges(REALM, ASK.ip, { stale: false });
  t.deepEqual(algorithmsOf(challenges), ['SHA-512-256', 'SHA-256', 'MD5']);
  for (const value of challenges) t.regex(value, /, userhash=true$/);
  const [md5 = '', ...rest] = digestAt(new Clock(), ALL).challenges(REALM, ASK.ip, { stale: false, md5Only: true });
  t.regex(md5, /algorithm=MD5$/);
  t.deepEqual(rest, []);
});

test('a client that knows MD5 alone is asked for nothing that is off', (t) => {
  const digest = digestAt(new Clock(), { algorithms: ['SHA-256'] });
  t.deepEqual(algorithmsOf(digest.challenges(REALM, ASK.ip, { stale: false, md5Only: true })), ['SHA-256']);
  t.deepEqual(digest.verify(answer(nonceOf(digest), { algorithm: 'MD5' }), ASK), REFUSED);
});

test('who has no verifier for SHA-512-256 is not asked for it, and who is not there may be either', (t) => {
  const digest = digestAt(new Clock(), ALL);
  const asked = (username: string): number =>
    digest.challenges(REALM, ASK.ip, { stale: false, username: () => username }).length;
  t.is(asked('juliet'), 3);
  t.is(asked('juliet@example.org'), 3);
  t.is(asked('romeo'), 2);
  const nobody = Array.from({ length: 64 }, (_, at) => `nobody${at}`);
  t.deepEqual(new Set(nobody.map((name) => (asked(name) === 2 ? 'two' : 'all'))).size, 2);
  t.deepEqual(nobody.map(asked), nobody.map(asked), 'always the same');
});

for (const algorithm of ha1Algorithms) {
  for (const username of ['juliet', 'juliet@example.org']) {
    test(`digest: ${algorithm} with the hash of ${username}`, (t) => {
      const digest = digestAt(new Clock(), ALL);
      const given = answer(nonceOf(digest), { algorithm, username, userhash: true });
      t.deepEqual(digest.verify(given, ASK), PROVEN);
      t.deepEqual(digest.verify({ ...given, nc: '00000002' }, ASK), GUESS);
    });
  }
}

test('a hash that nobody has is a guess', (t) => {
  const digest = digestAt(new Clock());
  t.deepEqual(digest.verify(answer(nonceOf(digest), { username: 'nobody', userhash: true }), ASK), GUESS);
});

test('SHA-512-256 proves who has a verifier for it', (t) => {
  const digest = digestAt(new Clock(), ALL);
  const use = (username: string): object =>
    digest.verify(answer(nonceOf(digest), { algorithm: 'SHA-512-256', username }), ASK);
  t.deepEqual(use('juliet'), PROVEN);
  t.deepEqual(use('romeo'), GUESS);
});
