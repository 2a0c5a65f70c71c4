/** Whom the URIs of this server mean: RFC 7247 section 6, RFC 5627. */
import test from 'ava';
import { NodeKey } from '#src/accounts/node-key.ts';
import { Addresses } from '#protocols/sip/addresses.ts';
import { SipUri } from '#protocols/sip/message/uri.ts';
import { jid } from '#test/helpers/xml.ts';

const addresses = new Addresses({
  hosts: ['example.org', 'example.net'],
  key: NodeKey.random(),
  isOwn: (host, port) => host === '192.0.2.1' && (port === undefined || port === 5060),
});

function meant(text: string): string {
  const uri = SipUri.parse(text);
  const found = uri === undefined ? 'no URI' : addresses.resolve(uri);
  if (found === undefined) return 'elsewhere';
  if (typeof found === 'string') return found;
  return found.kind === 'host' ? found.domain : `${found.kind} ${found.jid.full}`;
}

for (const [uri, expected] of [
  ['sip:juliet@example.org', 'account juliet@example.org'],
  ['sips:juliet@EXAMPLE.org:5061;transport=tcp', 'account juliet@example.org'],
  ['sip:juliet@example.net', 'account juliet@example.net'],
  ['sip:juliet@192.0.2.1', 'account juliet@example.org'],
  ['sip:juliet@192.0.2.1:5060;transport=tcp', 'account juliet@example.org'],
  ['sip:juliet@192.0.2.1:9', 'elsewhere'],
  ['sip:juliet@elsewhere.example', 'elsewhere'],
  ['sip:juliet@example.org;gr=sip-1', 'account juliet@example.org/sip-1'],
  ['sip:juliet@example.org;gr', 'account juliet@example.org'],
  ["sip:o'malley@example.org", 'account o\\27malley@example.org'],
  ['sip:f%C3%BC@example.org', 'account fü@example.org'],
  ['sip:example.org', 'example.org'],
  ['sip:192.0.2.1:5060', 'example.org'],
  ['sip:%20@example.org', 'malformed'],
  ['sip:tgruu.forged@example.org;gr', 'account tgruu.forged@example.org'],
] as const) {
  test(`${uri}: ${expected}`, (t) => t.is(meant(uri), expected));
}

test('a temporary GRUU means its device, and tells nobody whose it is', (t) => {
  const device = jid('juliet@example.org/sip-1');
  const made = [addresses.temporary(device, 'word'), addresses.temporary(device, 'word')];
  t.not(made[0], made[1]);
  for (const uri of made) {
    t.false(uri.includes('juliet'));
    t.deepEqual(addresses.resolve(SipUri.parse(uri) ?? t.fail()), { kind: 'temporary', jid: device, word: 'word' });
  }
  // Not at another host.
  t.regex(meant(made[0]?.replace('example.org', 'example.net') ?? ''), /^account tgruu/);
});

for (const [one, other, same] of [
  ['sip:example.org', 'sip:example.org', true],
  ['sip:example.org;transport=tcp', 'sip:example.org', true],
  ['sip:192.0.2.1', 'sip:example.org', true],
  ['sip:juliet@example.org', 'sip:romeo@example.org', false],
  ['sip:juliet@example.org', 'sip:juliet@example.net', false],
  ['nonsense', 'sip:example.org', false],
] as const) {
  test(`credentials for ${one} ${same ? 'hold' : 'do not hold'} for ${other}`, (t) => {
    t.is(addresses.sameResource(one, other), same);
  });
}
