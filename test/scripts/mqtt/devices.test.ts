/** Clients of accounts are devices among the others: seen, kicked and banned by the commands that know no protocol. */
import test from 'ava';
import { Commands } from '#src/admin/commands.ts';
import { sessionCommands } from '#src/admin/commands/sessions.ts';
import { adminParts } from '#src/server/admin.ts';
import { type ConnectOptions, MqttTestServer } from '#test/helpers/mqtt.ts';

const commands = new Commands(sessionCommands);

async function run(
  server: MqttTestServer,
  name: string,
  args: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const command = commands.find(name);
  if (command === undefined) throw new Error(`there is no command ${name}`);
  return await command.run(adminParts(server.server), args);
}

const romeo = (clientId: string, more: ConnectOptions = {}): ConnectOptions => ({
  clientId,
  username: 'romeo',
  password: Buffer.from('secret'),
  ...more,
});

test('they are among the sessions of their account, and end by command', async (t) => {
  await using server = await MqttTestServer.start();
  await server.register('romeo@localhost');
  const lamp = await server.connect(romeo('lamp', { properties: { userProperties: { status: 'on' } } }));
  const [row] = (await run(server, 'connected_users_info')) as readonly Readonly<Record<string, unknown>>[];
  t.like(row, {
    jid: 'romeo@localhost/lamp',
    connection: 'mqtt',
    ip: '127.0.0.1',
    priority: -1,
    status: 'available',
    statustext: 'on',
  });
  const kick = { user: 'romeo', host: 'localhost', resource: 'lamp', reason: 'enough' };
  t.true(await run(server, 'kick_session', kick));
  t.is(await lamp.ended(), 0x98);
  t.deepEqual(await run(server, 'connected_users'), []);
});

test('what is away and may come back is no available session, and is ended for good by the account’s end', async (t) => {
  await using server = await MqttTestServer.start();
  await server.register('romeo@localhost');
  const lasting = { clean: false, properties: { sessionExpiryInterval: 600 } };
  const sensor = await server.connect(romeo('sensor', lasting));
  const door = await server.connect(romeo('door'));
  sensor.send({ cmd: 'disconnect' });
  await sensor.ended();
  await door.ping();
  const rows = (await run(server, 'connected_users_info')) as readonly Readonly<Record<string, unknown>>[];
  t.deepEqual(
    rows.map(({ resource, status }) => [resource, status]),
    [
      ['sensor', 'unavailable'],
      ['door', 'available'],
    ],
  );
  server.server.core.accounts.ban('localhost', 'romeo', 'enough', 'test');
  t.is(await door.ended(), 0x98);
  t.is((await server.connect(romeo('door'))).reason, 0x8a);
  server.server.core.accounts.remove('localhost', 'romeo');
  t.deepEqual(await run(server, 'connected_users'), []);
});
