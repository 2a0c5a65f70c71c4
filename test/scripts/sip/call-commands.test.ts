/** Calls that operators see and end, and the records that are kept of them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { sipCommands } from '#protocols/sip/commands/index.ts';
import type { SipRequest } from '#protocols/sip/message/message.ts';
import { CommandError, readNamed, type Row } from '#src/admin/commands.ts';
import { adminParts } from '#src/server/admin.ts';
import { type Phone, SipTestServer } from '#test/helpers/sip.ts';

const JULIET = 'juliet@localhost';
const ROMEO = 'romeo@localhost';
const HERE = { host: 'localhost' };

async function run(server: SipTestServer, name: string, args: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const command = sipCommands.find((one) => one.name === name);
  if (command === undefined) throw new Error(`there is no command ${name}`);
  return command.run(adminParts(server.server), readNamed(command.arguments, new Map(Object.entries(args))));
}

const rows = async (server: SipTestServer, name: string, args = {}): Promise<readonly Row[]> =>
  (await run(server, name, { ...HERE, ...args })) as readonly Row[];

interface Stage {
  readonly server: SipTestServer;
  readonly juliet: Phone;
  readonly romeo: Phone;
  /** As Romeo sent it, and as Juliet got it. */
  readonly sent: SipRequest;
  readonly rings: SipRequest;
}

/** Romeo calls Juliet, whose phone rings. */
async function ringing(server: SipTestServer): Promise<Stage> {
  await server.register(JULIET, ROMEO);
  const romeo = await server.registered(ROMEO);
  const juliet = await server.registered(JULIET);
  const first = romeo.request('INVITE', {
    to: `sip:${JULIET}`,
    uri: `sip:${JULIET}`,
    fields: [['Contact', `<${romeo.contact}>`]],
  });
  const challenged = await romeo.ask(first);
  romeo.acknowledge(first, challenged);
  const sent = romeo.credentials(first, challenged);
  romeo.send(sent);
  const rings = await juliet.asked('INVITE');
  juliet.answer(rings, 180);
  await romeo.next((one) => one.kind === 'response' && one.status === 180, '180');
  return { server, juliet, romeo, sent, rings };
}

test('a call is listed, told, and ended by an operator: both phones are told to hang up', async (t) => {
  await using server = await SipTestServer.start();
  const { juliet, rings, romeo, sent } = await ringing(server);
  const [row] = await rows(server, 'calls_list');
  t.like(row, { from: `sip:${ROMEO}`, to: `sip:${JULIET}`, state: 'ringing', duration: 0 });
  juliet.answer(rings, 200, [['Contact', `<${juliet.contact}>`]]);
  t.is((await romeo.final(sent)).status, 200);
  const id = String(row?.['id']);
  t.like(await run(server, 'call_info', { id }), {
    state: 'answered',
    call_id: sent.callId ?? '',
    caller_contact: romeo.contact,
    callee_contact: juliet.contact,
  });
  t.true(await run(server, 'call_hangup', { id, reason: 'enough' }));
  for (const phone of [juliet, romeo]) {
    const bye = await phone.asked('BYE');
    t.is(bye.get('Reason'), 'SIP;cause=200;text="enough"');
    phone.answer(bye, 200);
  }
  t.deepEqual(await rows(server, 'calls_list'), []);
  t.is((await t.throwsAsync(run(server, 'call_info', { id }), { instanceOf: CommandError }))?.code, 404);
});

test('a record names the accounts, whatever numbers and names the call went by, and calls that reach nobody have one', async (t) => {
  await using server = await SipTestServer.start(
    'sip: { trunks: [{ name: out, host: 127.0.0.2, port: 9, transport: udp, prefixes: ["+"] }] }',
  );
  await server.register(JULIET, ROMEO);
  await run(server, 'sip_alias_set', { number: '+4930999', jid: JULIET });
  const romeo = await server.registered(ROMEO);
  const fields = [['Contact', `<${romeo.contact}>`]] as const;
  // Juliet has no phone.
  t.is(
    (await romeo.prove(romeo.request('INVITE', { to: 'sip:+49-30-999@localhost', callId: 'a', fields }))).status,
    480,
  );
  const from = '<sip:anonymous@anonymous.invalid>;tag=1';
  const first = romeo.request('INVITE', { to: 'tel:+49171', uri: 'tel:+49171', from, callId: 'b', fields });
  const challenged = await romeo.ask(first);
  romeo.acknowledge(first, challenged);
  romeo.send(romeo.credentials(first, challenged));
  await romeo.next((one) => one.kind === 'response' && one.status === 100, '100');
  const [call] = await rows(server, 'calls_list');
  t.is(call?.['to'], 'tel:+49171');
  await run(server, 'call_hangup', { id: String(call?.['id']) });
  while (server.sip.activeCalls.size > 0) await new Promise((resolve) => setImmediate(resolve));
  const [anonymous, missed] = await rows(server, 'cdr_list', { user: 'romeo' });
  t.like(anonymous, { call_id: 'b', caller: ROMEO, callee: '', trunk: 'out' });
  t.like(missed, { call_id: 'a', caller: ROMEO, callee: JULIET, trunk: '', status: 480 });
  t.is((await rows(server, 'cdr_list', { user: 'juliet' })).length, 1);
});

test('what is over is kept, over a restart, and written to a file', async (t) => {
  await using server = await SipTestServer.start();
  const { juliet, rings, romeo, sent } = await ringing(server);
  juliet.answer(rings, 486);
  t.is((await romeo.final(sent)).status, 486);
  await server.restart();
  const [record, ...others] = await rows(server, 'cdr_list', { user: 'juliet' });
  t.deepEqual(others, []);
  t.like(record, {
    from: `sip:${ROMEO}`,
    to: `sip:${JULIET}`,
    status: 486,
    ended_by: 'callee',
    duration: 0,
    ip: '127.0.0.1',
  });
  t.deepEqual(await rows(server, 'cdr_list', { user: 'nobody' }), []);
  t.deepEqual(await rows(server, 'cdr_list', { to: '2020-01-01' }), []);
  t.is((await rows(server, 'cdr_list', { from: '2020-01-01' })).length, 1);
  const directory = mkdtempSync(join(tmpdir(), 'trivium-cdr-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'calls.csv');
  t.is(await run(server, 'cdr_export', { ...HERE, file }), 1);
  const [head, line] = readFileSync(file, 'utf8').split('\r\n');
  t.true(head?.startsWith('id,from,to,started,answered,ended,duration,status,ended_by,ip,'));
  t.true(line?.includes(`,sip:${ROMEO},sip:${JULIET},`));
  const again = await t.throwsAsync(run(server, 'cdr_export', { ...HERE, file }), { instanceOf: CommandError });
  t.is(again?.code, 400);
});
