import test from 'ava';
import { ScramServer, type ScramOptions, type ScramStep } from '#src/accounts/scram.ts';
import { decoyVerifier, scramKeys, type ScramHash, type ScramVerifier } from '#src/accounts/verifiers.ts';
import { answer } from './scram-client.ts';

async function verifierOf(hash: ScramHash, password: string, salt: string, iterations = 4096): Promise<ScramVerifier> {
  const bytes = Buffer.from(salt, 'base64');
  return { salt: bytes, iterations, keys: [await scramKeys(hash, password, bytes, iterations)] };
}

const pencil = await verifierOf('SHA-256', 'pencil', 'W22ZaJ0SNY7soEsUEjb6gQ==');
const exporter = Buffer.from('0123456789abcdef0123456789abcdef', 'hex');

function server(options: Partial<ScramOptions> = {}): ScramServer {
  return new ScramServer({
    hash: 'SHA-256',
    plus: false,
    plusOffered: false,
    binding: () => undefined,
    verifier: () => pencil,
    authorize: () => false,
    nonce: 'SERVER',
    ...options,
  });
}

const withBinding: Partial<ScramOptions> = {
  plus: true,
  plusOffered: true,
  binding: (type) => (type === 'tls-exporter' ? exporter : undefined),
};

/** `challenge text`, `success text` or `failure condition error`: what the peer gets to see. */
function told(step: ScramStep): string {
  return step.kind === 'failure' ? `failure ${step.condition} ${step.error}` : `${step.kind} ${step.data.toString()}`;
}

interface FinalParts {
  readonly bound?: Buffer;
  readonly extension?: string;
}

/** Runs a whole login of the independent client; `as` is the password it types. */
function login(
  options: Partial<ScramOptions>,
  gs2: string,
  bare: string,
  as: string,
  final: FinalParts = {},
): [ScramStep, string] {
  const machine = server(options);
  const first = machine.step(Buffer.from(gs2 + bare));
  if (first.kind !== 'challenge') return [first, ''];
  const serverFirst = first.data.toString();
  const reply = answer({
    hash: options.hash ?? 'SHA-256',
    password: as,
    gs2Header: gs2,
    firstBare: bare,
    serverFirst,
    ...final,
  });
  return [machine.step(Buffer.from(reply.final)), reply.serverFinal];
}

test('RFC 5802 section 5: the SCRAM-SHA-1 exchange of user and pencil', async (t) => {
  const verifier = await verifierOf('SHA-1', 'pencil', 'QSXCR+Q6sek8bf92');
  const machine = server({ hash: 'SHA-1', verifier: () => verifier, nonce: '3rfcNHYJY1ZVvWVs7j' });
  t.is(
    told(machine.step(Buffer.from('n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL'))),
    'challenge r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
  );
  t.is(
    told(
      machine.step(Buffer.from('c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=')),
    ),
    'success v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  );
});

test('RFC 7677 section 3: the SCRAM-SHA-256 exchange of user and pencil', (t) => {
  const machine = server({ nonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0' });
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  t.is(
    told(machine.step(Buffer.from('n,,n=user,r=rOprNGfwEbeRWgbNEkqO'))),
    `challenge r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
  );
  t.is(
    told(machine.step(Buffer.from(`c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`))),
    'success v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  );
});

test('XEP-0474 section "Full Example": SCRAM-SHA-1-PLUS with the hash of what was advertised', async (t) => {
  const verifier = await verifierOf('SHA-1', 'pencil', 'QSXCR+Q6sek8bf92');
  const machine = server({
    hash: 'SHA-1',
    plus: true,
    plusOffered: true,
    verifier: () => verifier,
    nonce: 'a09117a6-ac50-4f2f-93f1-93799c2bddf6',
    binding: (type) => (type === 'tls-exporter' ? Buffer.from('THIS IS FAKE CB DATA') : undefined),
    advertised: { mechanisms: ['SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1'], bindings: ['tls-server-end-point', 'tls-exporter'] },
  });
  const nonce = '12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-93799c2bddf6';
  t.is(
    told(machine.step(Buffer.from('p=tls-exporter,,n=user,r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6'))),
    `challenge r=${nonce},s=QSXCR+Q6sek8bf92,i=4096,h=G6k/rBLDqgOhRRaCuuatSDFkJ08=`,
  );
  const final = `c=cD10bHMtZXhwb3J0ZXIsLFRISVMgSVMgRkFLRSBDQiBEQVRB,r=${nonce},x=19C6532F-1CF4-4A27-A18D-DC9CEA41BBB3,p=M/SIDjT+dfcxUh89jZEypRvFxB4=`;
  t.is(told(machine.step(Buffer.from(final))), 'success v=MQrMPvv7yv4x4Cq4W4Ih25EqS2c=');
});

for (const hash of ['SHA-1', 'SHA-256', 'SHA-512'] as const) {
  test(`SCRAM-${hash}: an independent client logs in and gets the server's proof`, async (t) => {
    const verifier = await verifierOf(hash, 'correct horse', 'c2FsdHNhbHRzYWx0', 5000);
    const [step, expected] = login({ hash, verifier: () => verifier }, 'n,,', 'n=romeo,r=abc', 'correct horse');
    t.is(told(step), `success ${expected}`);
    t.is(
      told(login({ hash, verifier: () => verifier }, 'n,,', 'n=romeo,r=abc', 'wrong')[0]),
      'failure not-authorized invalid-proof',
    );
  });
}

test('the user name is decoded and the authzid is asked for after the proof', (t) => {
  const asked: string[] = [];
  const options: Partial<ScramOptions> = {
    verifier: (username) => (asked.push(username), pencil),
    authorize: (username, authzid) => (asked.push(`${username} as ${authzid}`), authzid === 'a,b=c@example.org'),
  };
  const bare = 'n=a=2Cb=3Dcé,r=abc';
  t.is(login(options, 'n,a=a=2Cb=3Dc@example.org,', bare, 'pencil')[0].kind, 'success');
  t.deepEqual(asked, ['a,b=cé', 'a,b=cé as a,b=c@example.org']);
  t.is(told(login(options, 'n,a=juliet@example.org,', bare, 'pencil')[0]), 'failure invalid-authzid other-error');
  asked.length = 0;
  t.is(told(login(options, 'n,a=juliet@example.org,', bare, 'wrong')[0]), 'failure not-authorized invalid-proof');
  t.deepEqual(asked, ['a,b=cé'], 'a stranger learns nothing about identities');
});

test('channel binding by tls-exporter holds, and a client on another channel is refused', (t) => {
  const [step, expected] = login(withBinding, 'p=tls-exporter,,', 'n=user,r=abc', 'pencil', { bound: exporter });
  t.is(told(step), `success ${expected}`);
  const [elsewhere] = login(withBinding, 'p=tls-exporter,,', 'n=user,r=abc', 'pencil', {
    bound: Buffer.from('another channel'),
  });
  t.is(told(elsewhere), 'failure not-authorized channel-bindings-dont-match');
});

test('unknown optional extensions are ignored but signed', (t) => {
  const [step, expected] = login({}, 'n,,', 'n=user,r=abc,x=1,Z=a=b', 'pencil', { extension: ',y=2' });
  t.is(told(step), `success ${expected}`);
});

test('a verifier with two forms of the password accepts either', async (t) => {
  const salt = Buffer.from('saltsaltsaltsalt');
  const keys = [await scramKeys('SHA-256', 'Ⅸ', salt, 4096), await scramKeys('SHA-256', 'IX', salt, 4096)];
  const options = { verifier: () => ({ salt, iterations: 4096, keys }) };
  for (const [typed, kind] of [
    ['Ⅸ', 'success'],
    ['IX', 'success'],
    ['ix', 'failure'],
  ] as const) {
    const [step, expected] = login(options, 'n,,', 'n=user,r=abc', typed);
    t.is(step.kind, kind, typed);
    if (step.kind === 'success') t.is(step.data.toString(), expected);
  }
});

test('an unknown user is challenged with a stable salt and fails at the end like a wrong password', (t) => {
  const secret = Buffer.alloc(32, 7);
  const decoy = (username: string) => decoyVerifier(secret, 'SHA-256', 'example.org', username, 10_000);
  const challenge = (username: string) => told(server({ verifier: decoy }).step(Buffer.from(`n,,n=${username},r=abc`)));
  t.regex(challenge('nobody'), /^challenge r=abcSERVER,s=[A-Za-z0-9+/]{22}==,i=10000$/);
  t.is(challenge('nobody'), challenge('nobody'));
  t.not(challenge('nobody'), challenge('nobody2'));
  t.is(told(login({ verifier: decoy }, 'n,,', 'n=nobody,r=abc', 'pencil')[0]), 'failure not-authorized invalid-proof');
});

test('a machine that answered is spent', (t) => {
  const machine = server();
  machine.step(Buffer.from('x'));
  t.is(told(machine.step(Buffer.from('n,,n=user,r=abc'))), 'failure malformed-request other-error');
});

test('server nonces differ', (t) => {
  const challenge = () =>
    told(
      new ScramServer({
        hash: 'SHA-256',
        plus: false,
        plusOffered: false,
        binding: () => undefined,
        verifier: () => pencil,
        authorize: () => false,
      }).step(Buffer.from('n,,n=user,r=abc')),
    );
  t.not(challenge(), challenge());
});

const bad = 'malformed-request invalid-encoding';
const badName = 'malformed-request invalid-username-encoding';
const mandatory = 'malformed-request extensions-not-supported';

const hostileFirst: readonly (readonly [
  name: string,
  message: string | Buffer,
  told: string,
  options?: Partial<ScramOptions>,
])[] = [
  ['empty', '', bad],
  ['one comma', ',', bad],
  ['no flag', ',,n=user,r=abc', bad],
  ['unknown flag', 'x,,n=user,r=abc', bad],
  ['flag of two letters', 'nn,,n=user,r=abc', bad],
  ['upper-case flag', 'N,,n=user,r=abc', bad],
  ['p without a type', 'p=,,n=user,r=abc', bad],
  ['p without equals', 'p,,n=user,r=abc', bad],
  ['a type with a space', 'p=tls exporter,,n=user,r=abc', bad],
  ['a type of 65 letters', `p=${'a'.repeat(65)},,n=user,r=abc`, bad],
  ['only a flag', 'n', bad],
  ['header without its second comma', 'n,n=user', bad],
  ['authzid without a=', 'n,romeo,n=user,r=abc', bad],
  ['empty authzid', 'n,a=,n=user,r=abc', badName],
  ['authzid with a bare equals', 'n,a=x=y,n=user,r=abc', badName],
  ['mandatory extension', 'n,,m=x,n=user,r=abc', mandatory],
  ['mandatory extension at the end', 'n,,n=user,r=abc,m=x', mandatory],
  ['no user name', 'n,,r=abc', bad],
  ['empty user name', 'n,,n=,r=abc', badName],
  ['user name with =2c in lower case', 'n,,n=a=2cb,r=abc', badName],
  ['user name with a cut escape', 'n,,n=a=2,r=abc', badName],
  ['user name with a bare equals', 'n,,n=a=b,r=abc', badName],
  ['user name alone', 'n,,n=user', bad],
  ['nonce before the user name', 'n,,r=abc,n=user', bad],
  ['empty nonce', 'n,,n=user,r=', bad],
  ['nonce with a space', 'n,,n=user,r=a b', bad],
  ['nonce beyond ASCII', 'n,,n=user,r=é', bad],
  ['nonce with DEL', 'n,,n=user,r=a\x7f', bad],
  ['nonce of 2000 characters', `n,,n=user,r=${'a'.repeat(2000)}`, bad],
  ['extension without a value', 'n,,n=user,r=abc,x=', bad],
  ['extension without a name', 'n,,n=user,r=abc,=x', bad],
  ['extension with a digit for a name', 'n,,n=user,r=abc,1=x', bad],
  ['trailing comma', 'n,,n=user,r=abc,', bad],
  ['a second user name', 'n,,n=user,r=abc,n=admin', bad],
  ['NUL', 'n,,n=us\0er,r=abc', bad],
  ['broken UTF-8', Buffer.from([...Buffer.from('n,,n='), 0xc3, 0x28, ...Buffer.from(',r=abc')]), bad],
  ['overlong UTF-8', Buffer.from([...Buffer.from('n,,n='), 0xc0, 0xaf, ...Buffer.from(',r=abc')]), bad],
  ['an encoded surrogate', Buffer.from([...Buffer.from('n,,n='), 0xed, 0xa0, 0x80, ...Buffer.from(',r=abc')]), bad],
  ['9000 bytes', `n,,n=${'a'.repeat(9000)},r=abc`, bad],
  ['8000 commas', `n,,n=user,r=abc${','.repeat(8000)}`, bad],
  ['a final message first', 'c=biws,r=abcSERVER,p=AAAA', bad],
  [
    'y although -PLUS was offered',
    'y,,n=user,r=abc',
    'not-authorized server-does-support-channel-binding',
    { plusOffered: true },
  ],
  ['y on the -PLUS mechanism', 'y,,n=user,r=abc', 'not-authorized channel-bindings-dont-match', withBinding],
  ['n on the -PLUS mechanism', 'n,,n=user,r=abc', 'not-authorized channel-bindings-dont-match', withBinding],
  ['tls-unique', 'p=tls-unique,,n=user,r=abc', 'not-authorized unsupported-channel-binding-type', withBinding],
  [
    'a type nobody knows',
    'p=constructor,,n=user,r=abc',
    'not-authorized unsupported-channel-binding-type',
    withBinding,
  ],
  [
    'p on a mechanism without -PLUS',
    'p=tls-exporter,,n=user,r=abc',
    'not-authorized channel-binding-not-supported',
    { ...withBinding, plus: false },
  ],
];

for (const [name, message, expected, options] of hostileFirst) {
  test(`client-first is refused: ${name}`, (t) => {
    t.is(told(server(options).step(Buffer.from(message as string))), `failure ${expected}`);
  });
}

const proof = Buffer.alloc(32).toString('base64');
const hostileFinal: readonly (readonly [name: string, message: string | Buffer, told: string])[] = [
  ['empty', '', bad],
  ['the first message again', 'n,,n=user,r=abc', bad],
  ['no proof', 'c=biws,r=abcSERVER', bad],
  ['empty proof', 'c=biws,r=abcSERVER,p=', bad],
  ['proof that is not base64', 'c=biws,r=abcSERVER,p=!!!!', bad],
  ['proof in base64url', `c=biws,r=abcSERVER,p=${'_'.repeat(43)}=`, bad],
  ['proof without padding', `c=biws,r=abcSERVER,p=${proof.slice(0, -1)}`, bad],
  ['proof with bits beyond the end', 'c=biws,r=abcSERVER,p=AAAB====', bad],
  ['proof with white space', `c=biws,r=abcSERVER,p=${proof}\n`, bad],
  ['proof before the end', `c=biws,r=abcSERVER,p=${proof},x=1`, bad],
  ['two proofs', `c=biws,r=abcSERVER,p=${proof},p=${proof}`, bad],
  ['no channel binding', `r=abcSERVER,p=${proof}`, bad],
  ['nonce first', `r=abcSERVER,c=biws,p=${proof}`, bad],
  ['empty nonce', `c=biws,r=,p=${proof}`, bad],
  ['mandatory extension', `c=biws,r=abcSERVER,m=x,p=${proof}`, mandatory],
  ['NUL', `c=biws,r=abcSERVER\0,p=${proof}`, bad],
  ['the client nonce alone', `c=biws,r=abc,p=${proof}`, 'not-authorized other-error'],
  ['a longer nonce', `c=biws,r=abcSERVER1,p=${proof}`, 'not-authorized other-error'],
  ['nonce in another case', `c=biws,r=abcserver,p=${proof}`, 'not-authorized other-error'],
  [
    'a flag that was y at first',
    `c=${Buffer.from('y,,').toString('base64')},r=abcSERVER,p=${proof}`,
    'not-authorized channel-bindings-dont-match',
  ],
  [
    'an authzid slipped in',
    `c=${Buffer.from('n,a=admin,').toString('base64')},r=abcSERVER,p=${proof}`,
    'not-authorized channel-bindings-dont-match',
  ],
  [
    'binding data without a binding',
    `c=${Buffer.from('n,,data').toString('base64')},r=abcSERVER,p=${proof}`,
    'not-authorized channel-bindings-dont-match',
  ],
  ['empty binding', `c=,r=abcSERVER,p=${proof}`, 'not-authorized channel-bindings-dont-match'],
  ['proof of zeros', `c=biws,r=abcSERVER,p=${proof}`, 'not-authorized invalid-proof'],
  ['proof of another length', 'c=biws,r=abcSERVER,p=AAAA', 'not-authorized invalid-proof'],
];

for (const [name, message, expected] of hostileFinal) {
  test(`client-final is refused: ${name}`, (t) => {
    const machine = server();
    t.is(machine.step(Buffer.from('n,,n=user,r=abc')).kind, 'challenge');
    t.is(told(machine.step(Buffer.from(message as string))), `failure ${expected}`);
    t.is(machine.step(Buffer.from(message as string)).kind, 'failure', 'no second try');
  });
}
