/** How many calls each caller has at once: accounts, places elsewhere, trunks. */
import test, { type ExecutionContext } from 'ava';
import { sipCommands } from '#protocols/sip/commands/index.ts';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { readNamed, type Row } from '#src/admin/commands.ts';
import { adminParts } from '#src/server/admin.ts';
import { type Phone, SipTestServer } from '#test/helpers/sip.ts';

const JULIET = 'juliet@localhost';
const ROMEO = 'romeo@localhost';
const TYBALT = 'tybalt@localhost';

async function verona(text: string): Promise<SipTestServer> {
  const server = await SipTestServer.start(text);
  await server.register(JULIET, ROMEO, TYBALT);
  return server;
}

/** Sends an INVITE, with credentials where they are asked for. */
async function invites(phone: Phone, to: string): Promise<SipRequest> {
  const request = (): SipRequest =>
    phone.request('INVITE', {
      to: `sip:${to}`,
      callId: `${phone.callId}-${phone.cseq}`,
      fields: [['Contact', `<${phone.contact}>`]],
    });
  const first = request();
  phone.send(first);
  const answer = await phone.next(
    (one) => one.kind === 'response' && one.callId === first.callId && one.cseq?.method === 'INVITE',
    'an answer',
  );
  if (answer.kind !== 'response' || answer.status !== 407) {
    // What came is looked at again.
    phone.received.unshift(answer);
    return first;
  }
  phone.acknowledge(first, answer);
  const again = phone.credentials(first, answer);
  phone.send(again);
  return again;
}

async function answered(caller: Phone, callee: Phone, sent: SipRequest): Promise<SipResponse> {
  callee.answer(await callee.asked('INVITE'), 200, [['Contact', `<${callee.contact}>`]]);
  const answer = await caller.final(sent);
  caller.send(within(caller, 'ACK', answer, sent));
  await callee.asked('ACK');
  return answer;
}

function within(phone: Phone, method: string, answer: SipResponse, sent: SipRequest): SipRequest {
  return phone.request(method, {
    uri: answer.contacts?.[0]?.uri ?? '',
    from: sent.get('From') ?? '',
    to: answer.get('To') ?? '',
    callId: sent.callId ?? '',
    fields: (answer.recordRoutes ?? []).toReversed().map((route) => ['Route', String(route)] as const),
    ...(method === 'ACK' ? { cseq: sent.cseq?.number ?? 0 } : {}),
  });
}

/** The caller is told that it has too many calls already. */
async function isRefused(t: ExecutionContext, caller: Phone, to: string): Promise<void> {
  const sent = await invites(caller, to);
  const answer = await caller.final(sent);
  t.is(answer.status, 486);
  t.is(answer.reason, 'Too Many Calls');
  caller.acknowledge(sent, answer);
}

async function calls(server: SipTestServer): Promise<readonly Row[]> {
  const command = sipCommands.find(({ name }) => name === 'calls_list');
  if (command === undefined) throw new Error('there is no calls_list');
  const args = readNamed(command.arguments, new Map([['host', 'localhost']]));
  return (await command.run(adminParts(server.server), args)) as readonly Row[];
}

test('an account has as many calls at once as the rule max_calls gives it, over all of its phones', async (t) => {
  await using server = await verona('access: { max_calls: [{ value: 1, for: local }] }\n');
  const [romeo, other] = [await server.registered(ROMEO), await server.registered(ROMEO, { transport: 'tcp' })];
  const [juliet, tybalt] = [await server.registered(JULIET), await server.registered(TYBALT)];
  const sent = await invites(romeo, JULIET);
  const answer = await answered(romeo, juliet, sent);
  await isRefused(t, romeo, TYBALT);
  await isRefused(t, other, TYBALT);
  t.deepEqual(
    (await calls(server)).map(({ counted, to }) => [counted, to]),
    [[`account ${ROMEO}`, `sip:${JULIET}`]],
  );
  t.regex(await server.server.metrics.render(), /^trivium_sip_calls_refused_total\{by="account"\} 2$/m);
  // Juliet has a call, and makes none.
  const back = await invites(juliet, TYBALT);
  tybalt.answer(await tybalt.asked('INVITE'), 486);
  t.is((await juliet.final(back)).status, 486);
  const bye = within(romeo, 'BYE', answer, sent);
  romeo.send(bye);
  juliet.answer(await juliet.asked('BYE'), 200);
  t.is((await romeo.final(bye)).status, 200);
  await answered(other, tybalt, await invites(other, TYBALT));
  await isRefused(t, romeo, JULIET);
});

test('messages are not calls', async (t) => {
  await using server = await verona('access: { max_calls: [{ value: 0, for: local }] }\n');
  const romeo = await server.registered(ROMEO);
  const juliet = await server.registered(JULIET);
  await isRefused(t, romeo, JULIET);
  const said = romeo.say(JULIET, 'hi');
  t.is(await juliet.hears(), 'hi');
  t.is((await said).status, 200);
});

test('callers from elsewhere share what the rule gives their address, whoever they say to be', async (t) => {
  await using server = await verona(`
access: { callers: [{ allow: all }], max_calls: [{ value: 9, for: local }, { value: 1, for: all }] }
sip: { foreign_callers: callers }
`);
  const juliet = await server.registered(JULIET);
  const [eve, mallory] = [await server.phone('eve@elsewhere.example'), await server.phone('mallory@other.example')];
  const sent = await invites(eve, JULIET);
  const rings = await juliet.asked('INVITE');
  juliet.answer(rings, 180);
  await isRefused(t, mallory, JULIET);
  t.is((await calls(server))[0]?.['counted'], 'source 127.0.0.1');
  t.is(server.sip.limits.counters.source, 1);
  juliet.answer(rings, 480);
  t.is((await eve.final(sent)).status, 480);
  const again = await invites(mallory, JULIET);
  juliet.answer(await juliet.asked('INVITE'), 486);
  t.is((await mallory.final(again)).reason, 'Busy Here');
});

test('a trunk carries so many calls, in both directions', async (t) => {
  await using server = await verona('');
  const gateway = await server.phone('+4930555@gateway.example');
  await server.reload(
    `sip: { trunks: [{ name: out, host: 127.0.0.1, port: ${gateway.port}, transport: udp, prefixes: ["+"], max_calls: 1 }] }\n`,
  );
  const [romeo, juliet] = [await server.registered(ROMEO), await server.registered(JULIET)];
  const out = await invites(romeo, '+49171@localhost');
  const rings = await gateway.asked('INVITE');
  gateway.answer(rings, 180);
  await isRefused(t, juliet, '+49172@localhost');
  await isRefused(t, gateway, JULIET);
  t.is(server.sip.limits.counters.trunk, 2);
  t.is((await calls(server))[0]?.['counted'], `account ${ROMEO}, trunk out`);
  gateway.answer(rings, 486);
  t.is((await romeo.final(out)).status, 486);
  await answered(gateway, juliet, await invites(gateway, JULIET));
  await isRefused(t, romeo, '+49171@localhost');
});
