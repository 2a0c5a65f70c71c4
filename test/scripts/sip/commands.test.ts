/** What operators see and do. */
import test from 'ava';
import { sipCommands } from '#protocols/sip/commands/index.ts';
import { CommandError, readNamed, type Row } from '#src/admin/commands.ts';
import { adminParts } from '#src/server/admin.ts';
import { SipTestServer } from '#test/helpers/sip.ts';

const JULIET = 'juliet@localhost';

async function verona(): Promise<SipTestServer> {
  const server = await SipTestServer.start();
  await server.register(JULIET, 'romeo@localhost');
  return server;
}

async function run(server: SipTestServer, name: string, args: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const command = sipCommands.find((one) => one.name === name);
  if (command === undefined) throw new Error(`there is no command ${name}`);
  return command.run(adminParts(server.server), readNamed(command.arguments, new Map(Object.entries(args))));
}

const codeOf = async (answer: Promise<unknown>): Promise<number | undefined> => {
  try {
    await answer;
    return undefined;
  } catch (error) {
    return error instanceof CommandError ? error.code : 500;
  }
};

test('registrations are listed, and taken off', async (t) => {
  await using server = await verona();
  const juliet = await server.phone(JULIET);
  await juliet.register({ contact: `<${juliet.contact}>;q=0.5`, fields: [['User-Agent', 'test']] });
  const [row] = (await run(server, 'sip_registrations', { host: 'localhost' })) as readonly Row[];
  t.like(row, {
    aor: JULIET,
    contact: juliet.contact,
    transport: 'udp',
    user_agent: 'test',
    q: '0.5',
    reachable: 'true',
  });
  t.is(await codeOf(run(server, 'sip_unregister', { user: 'juliet', host: 'localhost', contact: 'sip:x' })), 404);
  t.is(await run(server, 'sip_unregister', { user: 'juliet', host: 'localhost' }), 1);
  t.deepEqual(await run(server, 'sip_registrations', { host: 'localhost' }), []);
  t.is(await codeOf(run(server, 'sip_registrations', { host: 'example.net' })), 404);
});

test('a phone is asked what it can do', async (t) => {
  await using server = await verona();
  const juliet = await server.registered(JULIET);
  const asked = run(server, 'sip_options', { uri: `sip:${JULIET}` });
  const request = await juliet.asked('OPTIONS');
  t.is(request.uri, juliet.contact);
  juliet.answer(request, 200, [
    ['Allow', 'INVITE, ACK'],
    ['User-Agent', 'test'],
  ]);
  t.like(await asked, { status: 200, server: 'test', allow: 'INVITE, ACK' });
  t.is(await codeOf(run(server, 'sip_options', { uri: 'sip:romeo@localhost' })), 404);
  t.is(await codeOf(run(server, 'sip_options', { uri: 'nonsense' })), 400);
});

test('numbers are given, told and taken', async (t) => {
  await using server = await verona();
  t.true(await run(server, 'sip_alias_set', { number: '+49 (30) 1-2', jid: JULIET }));
  t.deepEqual(await run(server, 'sip_alias_get'), [{ number: '+493012', jid: JULIET }]);
  await server.restart();
  t.deepEqual(await run(server, 'sip_alias_get', { number: '+493012' }), [{ number: '+493012', jid: JULIET }]);
  t.true(await run(server, 'sip_alias_delete', { number: '+493012' }));
  t.is(await codeOf(run(server, 'sip_alias_delete', { number: '+493012' })), 404);
  t.is(await codeOf(run(server, 'sip_alias_set', { number: 'abc', jid: JULIET })), 400);
  t.is(await codeOf(run(server, 'sip_alias_set', { number: '1', jid: 'nobody@localhost' })), 404);
});

test('trunks are added and removed, and stay over a restart', async (t) => {
  await using server = await verona();
  const trunk = '{ host: 192.0.2.1, user: me, password: secret, prefixes: ["+"] }';
  t.true(await run(server, 'sip_trunk_add', { name: 'out', trunk }));
  t.true(await run(server, 'sip_trunk_add', { name: 'other', trunk: 'host: 192.0.2.2\nport: 5070' }));
  await server.restart();
  const rows = (await run(server, 'sip_trunk_list')) as readonly Row[];
  t.deepEqual(
    rows.map(({ host, name }) => [name, host]),
    [
      ['other', '192.0.2.2'],
      ['out', '192.0.2.1'],
    ],
  );
  t.like(await run(server, 'sip_trunk_status', { name: 'out' }), { user: 'me', state: 'not registering' });
  t.true(await run(server, 'sip_trunk_remove', { name: 'out' }));
  t.is(await codeOf(run(server, 'sip_trunk_remove', { name: 'out' })), 404);
  t.is(await codeOf(run(server, 'sip_trunk_add', { name: 'bad', trunk: '{ hots: x }' })), 400);
});

test('what is traced is told', async (t) => {
  await using server = await verona();
  t.deepEqual(await run(server, 'sip_trace', { what: JULIET }), [JULIET]);
  await server.registered(JULIET);
  t.deepEqual(await run(server, 'sip_trace', { what: JULIET, on: 'false' }), []);
});
