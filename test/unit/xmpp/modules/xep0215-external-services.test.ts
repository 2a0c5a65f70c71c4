import { createHmac } from 'node:crypto';
import test from 'ava';
import type { Element } from 'ltx';
import { EXTDISCO, externalServices } from '#protocols/xmpp/modules/xep0215-external-services.ts';
import type { RelayService } from '#src/plugin/relay-services.ts';
import { errorOf, TestCore, type TestSession } from '#test/helpers/core.ts';
import { same } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@montague.lit';
const HOST = 'capulet.lit';
const SERVICES = `<services xmlns='${EXTDISCO}'/>`;

/** A relay whose credentials tell whom they are for and how many there were. */
function relay(fields: Partial<RelayService> = {}): RelayService {
  let made = 0;
  return {
    type: 'turn',
    transport: 'udp',
    host: 'turn.capulet.lit',
    port: 3478,
    credentials: (user) => ({ username: `1:${user.bare}`, password: `p${(made += 1)}`, expires: 1_700_000_000_000 }),
    ...fields,
  };
}

async function open(
  t: { teardown(end: () => Promise<void>): void },
  relays: readonly RelayService[],
  options = {},
): Promise<[TestCore, TestSession]> {
  const core = await TestCore.open({ accounts: [JULIET, ROMEO] });
  t.teardown(() => core[Symbol.asyncDispose]());
  core.services.relays?.add((host) => (host === HOST ? relays : []));
  core.start(externalServices, options, HOST);
  return [core, core.login(`${JULIET}/balcony`)];
}

async function services(session: TestSession, payload: string): Promise<readonly Element[]> {
  const answer = await session.iq('get', payload, HOST);
  return answer.payload?.getChildElements() ?? [];
}

test('section 3.1: all services, those that need credentials with them', async (t) => {
  const [, juliet] = await open(t, [{ type: 'stun', transport: 'udp', host: '192.0.2.1', port: 3478 }, relay()]);
  same(
    t,
    [await juliet.iq('get', SERVICES, HOST)],
    [
      `<iq type='result' id='*' from='${HOST}' to='${JULIET}/balcony'><services xmlns='${EXTDISCO}'>
        <service type='stun' host='192.0.2.1' port='3478' transport='udp'/>
        <service type='turn' host='turn.capulet.lit' port='3478' transport='udp' username='1:${JULIET}' password='p1'
          expires='2023-11-14T22:13:20.000Z' restricted='true'/>
      </services></iq>`.replaceAll(/>\s+</g, '><'),
    ],
  );
});

test('each request gets credentials of its own', async (t) => {
  const [, juliet] = await open(t, [relay()]);
  const passwords = [];
  for (let asked = 0; asked < 3; asked++) passwords.push((await services(juliet, SERVICES))[0]?.attrs['password']);
  t.deepEqual(passwords, ['p1', 'p2', 'p3']);
});

test('section 3.2: the services of one type', async (t) => {
  const [, juliet] = await open(t, [relay({ type: 'turns', transport: 'tcp', port: 5349 }), relay()]);
  const answer = await juliet.iq('get', `<services xmlns='${EXTDISCO}' type='turns'/>`, HOST);
  t.is(answer.payload?.attrs['type'], 'turns');
  t.deepEqual(
    answer.payload?.getChildElements().map(({ attrs }) => String(attrs['port'])),
    ['5349'],
  );
  t.deepEqual(await services(juliet, `<services xmlns='${EXTDISCO}' type='ftp'/>`), []);
});

test('section 3.3: credentials for one service', async (t) => {
  const [, juliet] = await open(t, [relay(), relay({ transport: 'tcp', port: 443 })]);
  const asking = (attributes: string): string =>
    `<credentials xmlns='${EXTDISCO}'><service ${attributes}/></credentials>`;
  t.is((await services(juliet, asking("host='turn.capulet.lit' type='turn'"))).length, 2);
  const [one, ...none] = await services(juliet, asking("host='turn.capulet.lit' type='turn' port='443'"));
  t.like(one?.attrs, { port: '443', username: `1:${JULIET}`, password: 'p2' });
  t.deepEqual(none, []);
  t.is(errorOf(await juliet.iq('get', asking("host='other.lit' type='turn'"), HOST)), 'item-not-found/cancel');
  t.is(errorOf(await juliet.iq('get', asking("host='turn.capulet.lit'"), HOST)), 'bad-request/modify');
  t.is(errorOf(await juliet.iq('get', `<credentials xmlns='${EXTDISCO}'/>`, HOST)), 'bad-request/modify');
});

test('only the accounts of the host are told', async (t) => {
  const [core] = await open(t, [relay()]);
  const romeo = core.login(`${ROMEO}/orchard`);
  t.is(errorOf(await romeo.iq('get', SERVICES, HOST)), 'forbidden/auth');
  const credentials = `<credentials xmlns='${EXTDISCO}'><service host='turn.capulet.lit' type='turn'/></credentials>`;
  t.is(errorOf(await romeo.iq('get', credentials, HOST)), 'forbidden/auth');
});

test('services that the operator lists: open, with one password for all, with a shared secret', async (t) => {
  const listed = [
    { type: 'stun', host: 'stun.example.org', port: 3478 },
    { type: 'turn', host: 'a.example.org', port: 3478, transport: 'tcp', name: 'A & B', username: 'u', password: "p'" },
    { type: 'turn', host: 'b.example.org', port: 3478, secret: 'shared', ttl: '1h' },
  ];
  const [, juliet] = await open(t, [], { services: listed });
  const before = Date.now();
  const [stun, fixed, limited] = await services(juliet, SERVICES);
  t.deepEqual(stun?.attrs, { type: 'stun', host: 'stun.example.org', port: '3478', transport: 'udp' });
  t.deepEqual(fixed?.attrs, {
    ...{ type: 'turn', host: 'a.example.org', port: '3478', transport: 'tcp', name: 'A & B' },
    ...{ username: 'u', password: "p'", restricted: 'true' },
  });
  const { expires, password, username } = (limited?.attrs ?? {}) as Record<string, string>;
  t.is(password, createHmac('sha1', 'shared').update(String(username)).digest('base64'));
  const seconds = Date.parse(String(expires)) / 1000;
  t.is(username, `${seconds}:${JULIET}`);
  t.true(seconds * 1000 >= before + 3_599_000 && seconds * 1000 <= Date.now() + 3_600_000);
});
