import test from 'ava';
import { type Arguments, CommandError } from '#src/admin/commands.ts';
import { Jid } from '#src/address/jid.ts';
import { adminParts, serverCommands } from '#src/server/admin.ts';
import { codeOf, LOOPBACK, TurnTestServer, v4 } from '#test/helpers/turn.ts';

const commands = serverCommands();

async function run(server: TurnTestServer, name: string, args: Arguments = {}): Promise<unknown> {
  const command = commands.find(name);
  if (command === undefined) throw new Error(`no command ${name}`);
  return await command.run(adminParts(server.server), args);
}

test('turn_sessions, turn_stats and turn_disconnect', async (t) => {
  await using server = await TurnTestServer.start();
  const client = await server.client('tls');
  const relayed = await client.relay();
  await client.permit(v4('127.0.0.1', 1));
  t.like(await run(server, 'turn_sessions'), [
    {
      user: 'juliet@localhost',
      client: `127.0.0.1:${client.pipe.port}`,
      transport: 'tls',
      relay: [`127.0.0.1:${relayed.port}`],
      peers: ['127.0.0.1'],
      bytes_in: 0,
      bytes_out: 0,
    },
  ]);
  t.like(await run(server, 'turn_stats'), { allocations: 1, allocations_total: 1, draining: 'false' });
  t.is(await run(server, 'turn_disconnect', { user: 'juliet@localhost' }), 1);
  t.deepEqual(await run(server, 'turn_sessions'), []);
  client.close();
});

test('turn_credentials and turn_password make what the relay takes', async (t) => {
  await using server = await TurnTestServer.start();
  const made = (await run(server, 'turn_credentials', { user: 'juliet@localhost', ttl: 60 })) as {
    username: string;
    password: string;
  };
  const client = await server.client();
  t.is(codeOf(await client.allocate(undefined, { name: made.username, password: made.password })), 0);
  t.is(await run(server, 'turn_password', { user: made.username, ttl: 0 }), made.password);
  await t.throwsAsync(run(server, 'turn_password', { user: 'juliet', ttl: 0 }), { instanceOf: CommandError });
  await t.throwsAsync(run(server, 'turn_credentials', { user: 'juliet', ttl: 0 }), { instanceOf: CommandError });
  client.close();
});

test('turn_check relays a datagram, and says what keeps it from that', async (t) => {
  await using server = await TurnTestServer.start();
  t.regex(
    String(await run(server, 'turn_check')),
    /^relayed from 127\.0\.0\.1:\d+ to 127\.0\.0\.1:\d+; relayed from \[::1\]/,
  );
  t.is(server.turn.allocations.size, 0);
  // Behind a NAT that takes a public address for a local one, relays meet without it.
  await server.reload(`${LOOPBACK}, public_address: [198.51.100.7]`);
  const problem = await t.throwsAsync(run(server, 'turn_check'), { instanceOf: CommandError });
  t.regex(problem.message, /198\.51\.100\.7, which the Internet cannot reach/);
  t.regex(problem.message, /relayed from 198\.51\.100\.7:\d+ to 198\.51\.100\.7:\d+/);
  await server.reload(`${LOOPBACK}, public_address: [no-such-name.invalid], deny_peers: [127.0.0.1]`);
  const other = await t.throwsAsync(run(server, 'turn_check'), { instanceOf: CommandError });
  t.regex(other.message, /no-such-name\.invalid has no address/);
  t.regex(other.message, /CreatePermission was refused: 403 Forbidden/);
});

test('turn_drain and turn_undrain', async (t) => {
  await using server = await TurnTestServer.start();
  const client = await server.client();
  t.true(await run(server, 'turn_drain', { servers: ['192.0.2.7'] }));
  t.is(codeOf(await client.allocate()), 300);
  t.true(await run(server, 'turn_drain', { servers: [] }));
  t.is(codeOf(await client.allocate()), 508);
  t.true(await run(server, 'turn_undrain'));
  t.is(codeOf(await client.allocate()), 0);
  await t.throwsAsync(run(server, 'turn_drain', { servers: ['relay.example'] }), { instanceOf: CommandError });
  client.close();
});

test('clients of the host are told of every listener', async (t) => {
  await using server = await TurnTestServer.start();
  const offered = server.server.services.relays?.of('localhost') ?? [];
  const told = new Set(offered.map(({ host, port, transport, type }) => `${type}:${host}:${port}?${transport}`));
  t.true(told.has(`turn:localhost:${server.port('udp')}?udp`));
  t.true(told.has(`stun:localhost:${server.port('tcp')}?tcp`));
  t.true(told.has(`turns:localhost:${server.port('tls')}?tcp`));
  const juliet = Jid.parse('juliet@localhost/balcony');
  const turn = offered.find(({ port, type }) => type === 'turn' && port === server.port('udp'));
  const minted = juliet === undefined ? undefined : turn?.credentials?.(juliet);
  const client = await server.client();
  const answer = await client.allocate(undefined, { name: minted?.username ?? '', password: minted?.password ?? '' });
  t.is(codeOf(answer), 0);
  client.close();
});

test('metrics', async (t) => {
  await using server = await TurnTestServer.start();
  const client = await server.client();
  await client.relay();
  const text = await server.server.metrics.render();
  t.regex(text, /^trivium_turn_allocations\{transport="udp"\} 1$/m);
  t.regex(text, /^trivium_turn_allocations_total 1$/m);
  t.regex(text, /^trivium_stun_requests_total\{method="Allocate"\} 2$/m);
  t.regex(text, /^trivium_stun_errors_total\{code="401"\} 1$/m);
  client.close();
});
