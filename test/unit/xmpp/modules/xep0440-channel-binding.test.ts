import test from 'ava';
import { element } from '#test/helpers/xml.ts';
import { TestXmpp, type TransportOptions } from '#test/helpers/xmpp.ts';
import { open, remote, tls } from '#test/unit/xmpp/stream/sasl-client.ts';
import { channelBinding } from '#protocols/xmpp/modules/xep0440-channel-binding.ts';

const NONE_PLUS = 'xmpp: { disabled_mechanisms: [SCRAM-SHA-1-PLUS, SCRAM-SHA-256-PLUS, SCRAM-SHA-512-PLUS] }';

const cases: readonly [
  what: string,
  connection: TransportOptions,
  types: readonly string[] | undefined,
  settings?: string,
][] = [
  ['TLS 1.3', remote, ['tls-exporter', 'tls-server-end-point']],
  ['TLS 1.2, whose exporter is not unique for sure', { ...remote, tls: tls('TLSv1.2') }, ['tls-server-end-point']],
  [
    'a certificate whose signature names no hash',
    { ...remote, tls: { ...tls(), serverEndPoint: () => undefined } },
    ['tls-exporter'],
  ],
  ['no TLS', {}, undefined],
  ['no mechanism that could use them', remote, undefined, NONE_PLUS],
];

for (const [what, connection, types, settings = ''] of cases) {
  test(`the types announced with ${what}`, async (t) => {
    await using server = await TestXmpp.open({ accounts: ['juliet@capulet.lit'], settings });
    server.start(channelBinding);
    const { features, stream } = open(server, connection);
    const announced = element(features).getChild('sasl-channel-binding', 'urn:xmpp:sasl-cb:0');
    t.deepEqual(
      announced?.getChildren('channel-binding').map((child) => String(child.attrs['type'])),
      types === undefined ? undefined : [...types],
    );
    stream.authenticate('juliet@capulet.lit');
    t.is(element(stream.transport.take().at(-1) ?? '').getChild('sasl-channel-binding'), undefined);
  });
}
