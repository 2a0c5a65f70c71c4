import test from 'ava';
import { attributes } from '#protocols/stun/attributes/index.ts';
import { passwordAlgorithmNumbers } from '#protocols/stun/attributes/password-algorithm.ts';
import { errorCodes, reasonPhrases } from '#protocols/stun/error-codes.ts';
import { methodName, methods } from '#protocols/stun/methods.ts';
import { registry } from '#test/vectors/stun/read.ts';

test('every attribute has the number and the name of the registry, once', (t) => {
  const known = registry('attributes');
  for (const { name, type } of attributes) t.is(known.get(type), name);
  t.is(new Set(attributes.map(({ type }) => type)).size, attributes.length);
});

test('every attribute that the RFCs of STUN and TURN define is there', (t) => {
  const others =
    /^Reserved|^(CHANGE-REQUEST|ACCESS-TOKEN|THIRD-PARTY-AUTHORIZATION|MOBILITY-TICKET|PRIORITY|USE-CANDIDATE|PADDING|RESPONSE-PORT|CACHE-TIMEOUT|ICE-CONTROLL(ED|ING)|RESPONSE-ORIGIN|OTHER-ADDRESS)$/;
  const names = new Set(attributes.map(({ name }) => name));
  for (const [, name] of registry('attributes')) t.is(names.has(name), !others.test(name), name);
});

test('every method has the number and the name of the registry', (t) => {
  const known = registry('methods');
  for (const method of Object.values(methods)) t.is(known.get(method), methodName(method));
});

test('every error code has the phrase of the registry', (t) => {
  const known = registry('error-codes');
  for (const code of Object.values(errorCodes)) t.is(known.get(code), reasonPhrases[code]);
});

test('the password algorithms are those of the registry', (t) => {
  const known = registry('password-algorithms');
  t.is(known.get(passwordAlgorithmNumbers.md5), 'MD5');
  t.is(known.get(passwordAlgorithmNumbers.sha256), 'SHA-256');
});
