/** XEP-0215 over the relay of the server itself: what a chat client is told lets it relay, at each listener that it is told of. */
import test from 'ava';
import type { Element } from 'ltx';
import { EXTDISCO } from '#protocols/xmpp/modules/xep0215-external-services.ts';
import { Jid } from '#src/address/jid.ts';
import { Session, type Origin } from '#src/session/session.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import { codeOf, LOOPBACK, TurnTestServer } from '#test/helpers/turn.ts';

/** A chat client that keeps what it is told. */
class Chat extends Session {
  readonly told: Stanza[] = [];

  get origin(): Origin {
    return { connection: 'c2s', ip: '127.0.0.1', port: 1 };
  }

  deliver(stanza: Stanza): boolean {
    this.told.push(stanza);
    return true;
  }

  close(): void {
    // It has no connection.
  }
}

/** What the host tells juliet of its services. */
function services({ server }: TurnTestServer): readonly Element[] {
  const jid = Jid.parse('juliet@localhost/chat');
  const host = server.router.host('localhost');
  if (jid === undefined || host === undefined) throw new Error('no host');
  const chat = new Chat(jid, 'xmpp', Date.now());
  host.bind(chat);
  const request = Stanza.make(
    'iq',
    { from: jid, to: host.jid, id: 'x', type: 'get' },
    `<services xmlns='${EXTDISCO}'/>`,
  );
  server.router.submit(host, chat, request);
  host.unbind(chat);
  const [answer] = chat.told;
  if (answer?.type !== 'result') throw new Error(String(answer));
  return answer.payload?.getChildElements() ?? [];
}

test('each listener is told of, with credentials that relay there and say when they expire (J2)', async (t) => {
  await using server = await TurnTestServer.start(`${LOOPBACK}, credentials_lifetime: 1h`);
  const told = services(server);
  const names = told.map(({ attrs }) => `${attrs['type']} ${attrs['transport']} ${attrs['port']}`);
  for (const [listener, type, transport] of [
    ['udp', 'turn', 'udp'],
    ['tcp', 'turn', 'tcp'],
    ['tls', 'turns', 'tcp'],
  ] as const) {
    t.true(names.includes(`${type} ${transport} ${server.port(listener)}`), names.join(', '));
    const attrs = told.find((one) => one.attrs['type'] === type && one.attrs['transport'] === transport)?.attrs;
    const { expires, password, username } = (attrs ?? {}) as Record<string, string>;
    const left = Date.parse(expires ?? '') - Date.now();
    t.true(left > 3_590_000 && left <= 3_600_000, expires);
    const client = await server.client(listener);
    t.is(codeOf(await client.allocate(undefined, { name: username ?? '', password: password ?? '' })), 0, listener);
    client.close();
  }
  const stun = told.filter(({ attrs }) => attrs['type'] === 'stun');
  t.true(stun.length > 0 && stun.every(({ attrs }) => attrs['username'] === undefined));
});

test('the credentials of one account are no credentials of another', async (t) => {
  await using server = await TurnTestServer.start();
  const { attrs } = services(server).find((one) => one.attrs['type'] === 'turn') ?? {};
  const { password, username } = (attrs ?? {}) as Record<string, string>;
  const name = (username ?? '').replace('juliet', 'romeo');
  const client = await server.client();
  t.is(codeOf(await client.allocate(undefined, { name, password: password ?? '' })), 401);
  client.close();
});
