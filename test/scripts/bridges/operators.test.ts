/** What operators see of what joins the protocols. */
import test from 'ava';
import { adminParts, serverCommands } from '#src/server/admin.ts';
import type { Row } from '#src/admin/commands.ts';
import { BridgeStage } from './stage.ts';

async function run(stage: BridgeStage, name: string, ...words: readonly string[]): Promise<unknown> {
  const command = serverCommands().find(name);
  if (command === undefined) throw new Error(`no command ${name}`);
  const values = command.arguments.map(({ default: preset, name: argument, type }, at) => {
    const word = words[at] ?? preset ?? '';
    return [argument, type === 'integer' ? Number(word) : String(word)] as const;
  });
  return command.run(adminParts(stage.sip.server), Object.fromEntries(values));
}

test('trace: one message through three protocols', async (t) => {
  await using stage = await BridgeStage.open(['juliet', 'door']);
  const desk = await stage.person('juliet', 'desk');
  const handset = await stage.phone('juliet');
  const door = await stage.thing('door', 'front');
  t.is(await door.say('xmpp/send/juliet@localhost', JSON.stringify({ id: 'before', body: 'unseen' })), 0);
  await desk.next();
  await handset.hears();
  const id = String(await run(stage, 'trace_start', 'juliet@localhost', '60'));
  t.is(await door.say('xmpp/send/juliet@localhost', JSON.stringify({ id: 'd1', body: 'ding dong' })), 0);
  await desk.next();
  t.is(await handset.hears(), 'ding dong');
  t.is(await door.say('xmpp/send/juliet@localhost%2Fdesk', JSON.stringify({ id: 'd2', body: 'once more' })), 0);
  await desk.next();
  t.is(await handset.hears(), 'once more');
  const rows = (await run(stage, 'trace_get', id)) as readonly Row[];
  const events = rows.map(({ event, part }) => `${String(part)}: ${String(event)}`);
  t.deepEqual(events.slice(0, 3), [
    'mqtt: in: mqtt door@localhost/front to juliet@localhost',
    'xmpp: out: c2s_tls juliet@localhost/desk',
    'mqtt: answered success',
  ]);
  t.is(new Set(rows.map(({ message }) => message)).size, 2);
  t.deepEqual(await run(stage, 'trace', 'juliet@localhost'), rows);
});

test('trace: what waits for a phone, and that it has it', async (t) => {
  await using stage = await BridgeStage.open(['juliet', 'romeo']);
  const romeo = await stage.person('romeo');
  const handset = await stage.phone('juliet');
  await run(stage, 'trace_start', 'romeo@localhost', '60');
  romeo.chat('juliet@localhost', 'hark', 'h1');
  t.is(await handset.hears(), 'hark');
  t.is((await handset.say('romeo@localhost', 'who')).status, 200);
  const rows = (await run(stage, 'trace', '')) as readonly Row[];
  const events = rows.map(({ event, part }) => `${String(part)}: ${String(event).replace(/sip-[0-9a-f]{8}/, 'sip-x')}`);
  t.deepEqual(events, [
    'xmpp: in: c2s_tls romeo@localhost/phone to juliet@localhost',
    'sip: out: sip_udp juliet@localhost/sip-x',
    'sip: MESSAGE taken by juliet@localhost/sip-x',
    'sip: in: sip_udp juliet@localhost/sip-x to romeo@localhost',
    'xmpp: out: c2s_tls romeo@localhost/phone',
  ]);
});

test('trace: what was kept, and to whom it came', async (t) => {
  await using stage = await BridgeStage.open(['juliet', 'door']);
  const door = await stage.thing('door', 'front');
  await run(stage, 'trace_start', 'juliet@localhost', '60');
  t.is(await door.say('xmpp/send/juliet@localhost', JSON.stringify({ id: 'd1', body: 'ding' })), 0);
  const handset = await stage.phone('juliet');
  t.is(await handset.hears(), 'ding');
  const romeo = await stage.phone('door');
  t.is((await romeo.say('juliet@localhost', 'marker')).status, 200);
  const rows = (await run(stage, 'trace', '')) as readonly Row[];
  const events = rows.map(
    ({ event, part }) => `${String(part)}: ${String(event).replaceAll(/sip-[0-9a-f]{8}/g, 'sip-x')}`,
  );
  t.deepEqual(events.slice(0, 5), [
    'mqtt: in: mqtt door@localhost/front to juliet@localhost',
    'store: kept for juliet@localhost',
    'mqtt: answered success',
    'sip: out of the store: sip_udp juliet@localhost/sip-x',
    'sip: MESSAGE taken by juliet@localhost/sip-x',
  ]);
});

test('devices: one list of all kinds', async (t) => {
  await using stage = await BridgeStage.open(['juliet']);
  await stage.person('juliet', 'desk');
  await stage.thing('juliet', 'clock', { properties: { userProperties: { status: 'ticks' } } });
  await stage.phone('juliet');
  const rows = (await run(stage, 'devices', 'juliet', 'localhost')) as readonly Row[];
  t.deepEqual(
    rows.map(({ connection, presence, priority, protocol, status }) => ({
      connection,
      presence,
      priority,
      protocol,
      status,
    })),
    [
      { connection: 'c2s_tls', presence: 'available', priority: 0, protocol: 'xmpp', status: '' },
      { connection: 'mqtt', presence: 'available', priority: -1, protocol: 'mqtt', status: 'ticks' },
      { connection: 'sip_udp', presence: 'available', priority: -1, protocol: 'sip', status: '' },
    ],
  );
});

test('resolve: an address in all spellings, and who would get a message', async (t) => {
  await using stage = await BridgeStage.open(['juliet', 'romeo']);
  await stage.person('juliet', 'desk');
  await stage.phone('juliet');
  const juliet = (await run(stage, 'resolve', 'sip:juliet@localhost')) as Row;
  t.like(juliet, {
    jid: 'juliet@localhost',
    sip: 'sip:juliet@localhost',
    topic: 'send/juliet@localhost',
    route: 'account',
  });
  t.deepEqual(juliet['receivers'], ['juliet@localhost/desk (c2s_tls)']);
  t.like(await run(stage, 'resolve', 'xmpp/send/romeo@localhost%2Fx'), {
    jid: 'romeo@localhost/x',
    sip: 'sip:romeo@localhost;gr=x',
    receivers: [],
    otherwise: 'kept until a device comes',
  });
  t.like(await run(stage, 'resolve', String.raw`kitchen\2ftemp@mqtt.localhost`), {
    topic: 'kitchen/temp',
    route: 'service',
  });
  t.like(await run(stage, 'resolve', 'nobody@localhost'), { route: 'nobody' });
  t.like(await run(stage, 'resolve', 'a@elsewhere.example'), { route: 'elsewhere' });
  stage.sip.sip.aliases.set('+4930123', (await import('#test/helpers/xml.ts')).jid('romeo@localhost'));
  t.like(await run(stage, 'resolve', 'tel:+49-30-123'), { jid: 'romeo@localhost' });
  await t.throwsAsync(async () => run(stage, 'resolve', '@@'));
});
