import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import test from 'ava';
import { covers, describeCertificates, judge, quality, readCertificates } from '#src/net/certificates.ts';
import { CertificateWatch } from '#src/net/certificate-watch.ts';
import { selfSigned, writeSelfSigned } from '#src/net/self-signed.ts';
import { Timers } from '#src/net/timers.ts';
import { HandClock } from './hand-clock.ts';
import { certificates, directory } from './kit.ts';

const DAY = 24 * 3600 * 1000;

test('a self-signed certificate is one for its host and what is below it', (t) => {
  const now = new Date('2026-11-21T10:00:00Z');
  const { certificate, key } = selfSigned('chat.example', now);
  const x509 = new X509Certificate(certificate);
  t.is(x509.subject, 'CN=chat.example');
  t.is(x509.subjectAltName, 'DNS:chat.example, DNS:*.chat.example');
  t.is(x509.checkHost('chat.example'), 'chat.example');
  t.is(x509.checkHost('muc.chat.example'), '*.chat.example');
  t.is(x509.checkHost('example'), undefined);
  t.true(x509.verify(x509.publicKey));
  t.false(x509.ca);
  t.deepEqual(x509.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  t.is(x509.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  t.is(x509.validFromDate.toISOString(), '2026-11-21T10:00:00.000Z');
  t.is(x509.validToDate.toISOString(), '2036-11-21T10:00:00.000Z');
  t.regex(key, /^-----BEGIN PRIVATE KEY-----/);
  t.not(new X509Certificate(selfSigned('chat.example', now).certificate).serialNumber, x509.serialNumber);
});

test('after 2049 the time is written in full (RFC 5280 section 4.1.2.5)', (t) => {
  const x509 = new X509Certificate(selfSigned('chat.example', new Date('2045-01-01T00:00:00Z')).certificate);
  t.is(x509.validToDate.toISOString(), '2055-01-01T00:00:00.000Z');
});

for (const [host, names] of [
  ['localhost', 'DNS:localhost, DNS:*.localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1'],
  ['bücher.example', 'DNS:xn--bcher-kva.example, DNS:*.xn--bcher-kva.example'],
  ['192.0.2.7', 'IP Address:192.0.2.7'],
  ['[2001:db8::1]', 'IP Address:2001:DB8:0:0:0:0:0:1'],
  [`${'a'.repeat(60)}.example`, `DNS:${'a'.repeat(60)}.example, DNS:*.${'a'.repeat(60)}.example`],
] as const) {
  test(`the names of a certificate for ${host}`, (t) => {
    const x509 = new X509Certificate(selfSigned(host, new Date()).certificate);
    t.is(x509.subjectAltName, names);
  });
}

test('written files are for their owner only, and come back as they were', (t) => {
  const path = join(directory(t), 'certificates');
  for (const host of ['localhost', '[2001:db8::1]', 'bücher.example']) writeSelfSigned(path, host, new Date());
  t.is(statSync(path).mode & 0o777, 0o700);
  for (const name of ['localhost.key', 'localhost.crt', '2001_db8__1.key', 'xn--bcher-kva.example.key'])
    t.is(statSync(join(path, name)).mode & 0o777, 0o600);
  const { certificates: found, problems } = readCertificates([path]);
  t.deepEqual(problems, []);
  t.deepEqual(
    found.flatMap(({ names }) => names),
    ['localhost', '*.localhost', 'xn--bcher-kva.example', '*.xn--bcher-kva.example'],
  );
  t.true(found.some((certificate) => covers(certificate, '[2001:db8::1]')));
  t.true(found.some((certificate) => covers(certificate, 'muc.bücher.example')));
  t.true(found.some((certificate) => covers(certificate, '127.0.0.1')));
  t.false(found.some((certificate) => covers(certificate, '127.0.0.2')));
});

test('certificates are found as certbot, Kubernetes and hands lay them out', (t) => {
  const root = directory(t);
  writeSelfSigned(root, 'hand.example', new Date());
  const archive = join(root, '..', `${root.split('/').at(-1)}-archive`);
  t.teardown(() => rmSync(archive, { recursive: true, force: true }));
  for (const [host, chain, key] of [
    ['certbot.example', 'fullchain.pem', 'privkey.pem'],
    ['kube.example', 'tls.crt', 'tls.key'],
  ] as const) {
    writeSelfSigned(archive, host, new Date());
    const live = join(root, host);
    mkdirSync(live);
    symlinkSync(join(archive, `${host}.crt`), join(live, chain));
    symlinkSync(join(archive, `${host}.key`), join(live, key));
  }
  cpSync(join(root, 'certbot.example', 'fullchain.pem'), join(root, 'certbot.example', 'cert.pem'));
  cpSync(join(root, 'certbot.example', 'fullchain.pem'), join(root, 'certbot.example', 'chain.pem'));
  writeSelfSigned(archive, 'bundle.example', new Date());
  const bundle = ['crt', 'key'].map((end) => readFileSync(join(archive, `bundle.example.${end}`), 'utf8')).join('');
  writeFileSync(join(root, 'bundle.pem'), bundle, { mode: 0o600 });
  writeFileSync(join(root, 'README'), 'not a certificate');
  const linked = join(root, 'linked');
  symlinkSync(join(root, 'certbot.example'), linked);
  const { certificates: found, problems } = readCertificates([root]);
  t.deepEqual(problems, []);
  t.deepEqual(found.map(({ names }) => names[0] ?? '').toSorted(), [
    'bundle.example',
    'certbot.example',
    'certbot.example',
    'hand.example',
    'kube.example',
  ]);
});

test('what cannot be used is told with its file, and the rest is read', (t) => {
  const root = directory(t);
  writeSelfSigned(root, 'good.example', new Date());
  writeSelfSigned(root, 'lonely.example', new Date());
  rmSync(join(root, 'lonely.example.key'));
  writeSelfSigned(root, 'mixed.example', new Date());
  cpSync(join(root, 'good.example.key'), join(root, 'mixed.example.key'));
  writeFileSync(join(root, 'garbage.crt'), 'garbage');
  writeFileSync(join(root, 'garbage.key'), 'garbage');
  writeFileSync(join(root, 'huge.pem'), Buffer.alloc(2 << 20));
  const { certificates: found, problems } = readCertificates([root, join(root, 'absent.pem')]);
  t.deepEqual(
    found.map(({ file }) => file),
    [join(root, 'good.example.crt')],
  );
  const told = new Map(problems.map(({ file, problem }) => [file.slice(root.length + 1), problem]));
  t.deepEqual([...told.keys()].toSorted(), [
    'absent.pem',
    'garbage.crt',
    'huge.pem',
    'lonely.example.crt',
    'mixed.example.crt',
  ]);
  t.regex(told.get('absent.pem') ?? '', /ENOENT/);
  t.is(told.get('lonely.example.crt'), 'there is no private key beside it');
  t.is(told.get('mixed.example.crt'), 'the private key is that of another certificate');
  t.regex(told.get('huge.pem') ?? '', /too large/);
});

test('a directory that leads back to itself ends', (t) => {
  const root = directory(t);
  symlinkSync(root, join(root, 'loop'));
  writeSelfSigned(root, 'one.example', new Date());
  t.true(readCertificates([root]).certificates.length <= 4);
});

test('what is wrong with a certificate is said in words', async (t) => {
  const [own] = certificates(t, 'chat.example');
  if (own === undefined) return t.fail();
  const from = own.leaf.validFromDate.getTime();
  const to = own.leaf.validToDate.getTime();
  t.deepEqual(judge(own, from + DAY), ['is self-signed']);
  t.regex(judge(own, from - DAY)[0] ?? '', /^is valid from 20/);
  t.regex(judge(own, to - DAY)[0] ?? '', /^expires soon, at 20/);
  t.regex(judge(own, to + DAY)[0] ?? '', /^expired at 20/);
  chmodSync(own.keyFile, 0o644);
  t.regex(judge(own, from + DAY).at(-1) ?? '', /can be used by everybody$/);
});

test('an issued certificate is better than a self-signed one, a valid one better than both', async (t) => {
  const [own] = certificates(t, 'chat.example');
  if (own === undefined) return t.fail();
  const { validFromDate, validToDate } = own.leaf;
  const issued = {
    ...own,
    leaf: { validFromDate, validToDate, issuer: 'CN=ca', subject: 'CN=chat.example' } as X509Certificate,
  };
  const now = validFromDate.getTime() + DAY;
  const later = validToDate.getTime() + DAY;
  t.true(quality(issued, now) > quality(own, now));
  t.true(quality(own, now) > quality(issued, later));
});

test('the table of the command check: each host with what it presents', async (t) => {
  const found = certificates(t, 'chat.example', 'muc.chat.example');
  const now = Date.now() + 1000;
  const rows = describeCertificates(found, ['chat.example', 'muc.chat.example', 'other.chat.example', 'example'], now);
  t.deepEqual(
    rows.map(({ host, names, problems }) => [host, names[0], problems]),
    [
      ['chat.example', 'chat.example', ['is self-signed']],
      ['muc.chat.example', 'muc.chat.example', ['is self-signed']],
      ['other.chat.example', 'chat.example', ['is self-signed']],
      ['example', undefined, ['no certificate names it']],
    ],
  );
  t.true((rows[0]?.notAfter?.getTime() ?? 0) > now);
  t.is(rows[3]?.file, undefined);
});

test('a renewal behind a link is used when it has stood for a while', (t) => {
  const root = directory(t);
  writeSelfSigned(join(root, 'archive'), 'one.example', new Date());
  const live = join(root, 'live');
  mkdirSync(live);
  symlinkSync(join(root, 'archive', 'one.example.crt'), join(live, 'fullchain.pem'));
  symlinkSync(join(root, 'archive', 'one.example.key'), join(live, 'privkey.pem'));
  const clock = new HandClock();
  const timers = new Timers(() => t.fail(), clock);
  let paths = [live];
  let reloads = 0;
  const watch = new CertificateWatch(
    timers,
    () => paths,
    () => (reloads += 1),
  );
  clock.pass(120_000);
  t.is(reloads, 0);
  writeSelfSigned(join(root, 'next'), 'one.example', new Date());
  renameSync(join(root, 'next', 'one.example.crt'), join(root, 'archive', 'one.example.crt'));
  clock.pass(30_500);
  t.is(reloads, 0);
  renameSync(join(root, 'next', 'one.example.key'), join(root, 'archive', 'one.example.key'));
  clock.pass(30_500);
  t.is(reloads, 0);
  clock.pass(30_500);
  t.is(reloads, 1);
  clock.pass(120_000);
  t.is(reloads, 1);
  paths = [join(root, 'absent')];
  clock.pass(61_000);
  t.is(reloads, 2);
  watch[Symbol.dispose]();
  paths = [live];
  clock.pass(120_000);
  t.is(reloads, 2);
});
