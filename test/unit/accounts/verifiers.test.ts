import test from 'ava';
import { credentialCodec } from '#src/accounts/credential.ts';
import { NodeKey } from '#src/accounts/node-key.ts';
import { passwordForms } from '#src/accounts/password.ts';
import {
  computeHa1,
  defaultVerifierPolicy,
  ha1Algorithms,
  makeCredential,
  matchesPassword,
  openHa1,
  scramHashes,
  type Credential,
} from '#src/accounts/verifiers.ts';

const key = NodeKey.random();
const quick = { iterations: { 'SHA-1': 10, 'SHA-256': 11, 'SHA-512': 12 }, ha1: true };

async function credentialOf(password: string): Promise<Credential> {
  const credential = await makeCredential('example.org', 'romeo', password, quick, key);
  if (credential === undefined) throw new Error('refused');
  return credential;
}

const forms: readonly (readonly [password: string, forms: readonly string[], why: string])[] = [
  ['secret', ['secret'], 'ASCII is the same in every profile'],
  ['correct horse battery staple', ['correct horse battery staple'], 'RFC 8265 example 12'],
  ['Correct Horse', ['Correct Horse'], 'case stays (example 13)'],
  ['πßå', ['πßå'], 'RFC 8265 example 14'],
  ['Jack of ♦s', ['Jack of ♦s'], 'RFC 8265 example 15'],
  ['foo\u1680bar', ['foo bar'], 'RFC 8265 example 16'],
  ['a\u030a', ['å'], 'NFC'],
  ['Ⅸ', ['Ⅸ', 'IX'], 'RFC 4013 section 3: ROMAN NUMERAL NINE by NFKC'],
  ['ª', ['ª', 'a'], 'RFC 4013 section 3: FEMININE ORDINAL INDICATOR by NFKC'],
  [' x', [' x'], 'a leading space is part of a password'],
  ['', [], 'RFC 8265 example 17'],
  ['my cat is a \tby', [], 'RFC 8265 example 18'],
  ['\0', [], 'control'],
  ['\ud800', [], 'lone surrogate'],
  ['x'.repeat(1023), ['x'.repeat(1023)], 'longest'],
  ['x'.repeat(1024), [], 'too long'],
  ['é'.repeat(512), [], 'too long in bytes'],
];

for (const [password, expected, why] of forms) {
  test(`forms of a password: ${why}`, (t) => {
    t.deepEqual(passwordForms(password), expected);
  });
}

// RFC 7616 section 3.9.1: the response is KD(H(A1), ...); these H(A1) were computed with sha256sum and md5sum.
test('H(A1) of RFC 7616 section 3.9.1, Mufasa', (t) => {
  const realm = 'http-auth@example.org';
  t.is(computeHa1('MD5', 'Mufasa', realm, 'Circle of Life').toString('hex'), '3d78807defe7de2157e2b0b6573a855f');
  t.is(
    computeHa1('SHA-256', 'Mufasa', realm, 'Circle of Life').toString('hex'),
    '7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232',
  );
});

// RFC 8489 section 9.2.2: key = MD5("user:realm:pass").
test('the long-term key of RFC 8489 section 9.2.2', (t) => {
  t.is(computeHa1('MD5', 'user', 'realm', 'pass').toString('hex'), '8493fbc53ba582fb4c044c456bdc40eb');
});

test('one password gives every verifier', async (t) => {
  const credential = await credentialOf('pencil');
  for (const hash of scramHashes) {
    const verifier = credential.scram[hash];
    t.is(verifier?.iterations, quick.iterations[hash]);
    t.is(verifier?.salt.length, 16);
    t.true(verifier !== undefined && (await matchesPassword(hash, verifier, 'pencil')));
    t.false(verifier === undefined || (await matchesPassword(hash, verifier, 'pencil ')));
  }
  const sealed = credential.ha1 ?? Buffer.alloc(0);
  const ha1 = openHa1('example.org', 'romeo', sealed, key);
  t.true(ha1?.complete);
  for (const algorithm of ha1Algorithms) {
    for (const [form, name] of [
      ['local', 'romeo'],
      ['local@domain', 'romeo@example.org'],
    ] as const) {
      const expected = computeHa1(algorithm, name, 'example.org', 'pencil').toString('hex');
      t.is(ha1?.text(form, algorithm), expected, `${algorithm} ${form}`);
    }
  }
});

test('salts differ between hashes and between accounts with the same password', async (t) => {
  const salts = [await credentialOf('pencil'), await credentialOf('pencil')].flatMap(({ scram }) =>
    scramHashes.map((hash) => scram[hash]?.salt.toString('hex')),
  );
  t.is(new Set(salts).size, 6);
});

test('a password that reads differently by SASLprep is right in both forms', async (t) => {
  const { scram } = await credentialOf('Ⅸ');
  const verifier = scram['SHA-256'];
  t.is(verifier?.keys.length, 2);
  if (verifier === undefined) return;
  t.true(await matchesPassword('SHA-256', verifier, 'Ⅸ'));
  t.true(await matchesPassword('SHA-256', verifier, 'IX'));
  t.false(await matchesPassword('SHA-256', verifier, 'ix'));
});

test('the defaults keep to the floor of RFC 5802 and RFC 7677', (t) => {
  for (const hash of scramHashes) t.true(defaultVerifierPolicy.iterations[hash] >= 4096);
});

test('what is stored holds neither the password nor H(A1)', async (t) => {
  const bytes = Buffer.from(credentialCodec.encode(await credentialOf('pencil')));
  const ha1 = computeHa1('MD5', 'romeo', 'example.org', 'pencil');
  for (const text of [
    'pencil',
    Buffer.from('pencil').toString('base64'),
    ha1.toString('hex'),
    ha1.toString('base64').slice(0, 20),
  ]) {
    t.false(bytes.includes(text), text);
  }
});

test('a credential comes back from its bytes', async (t) => {
  const credential = await credentialOf('Ⅸ');
  t.deepEqual(credentialCodec.decode(credentialCodec.encode(credential)), credential);
  const { ha1: _, ...without } = credential;
  t.deepEqual(credentialCodec.decode(credentialCodec.encode(without)), without);
});

for (const [name, text, message] of [
  ['a newer version', '{"version":2,"scram":{}}', /version 2/],
  [
    'a key of a wrong length',
    '{"version":1,"scram":{"SHA-1":{"salt":"AA==","iterations":1,"keys":[["AA==","AA=="]]}}}',
    /wrong length/,
  ],
] as const) {
  test(`a stored credential is refused: ${name}`, (t) => {
    t.throws(() => credentialCodec.decode(Buffer.from(text)), { message });
  });
}
