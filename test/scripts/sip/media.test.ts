/** Media of calls through the relay: phones that write private addresses into their session descriptions, and their RTP. */
import test from 'ava';
import { sipCommands } from '#protocols/sip/commands/index.ts';
import type { SipResponse } from '#protocols/sip/message/message.ts';
import { readNamed, type Row } from '#src/admin/commands.ts';
import { adminParts } from '#src/server/admin.ts';
import { SipTestServer } from '#test/helpers/sip.ts';
import {
  answer,
  bothWays,
  description,
  hangUp,
  inDialog,
  JULIET,
  type Place,
  placeIn,
  ROMEO,
  Sound,
  Stage,
  talk,
} from './media-stage.ts';

async function callsList(server: SipTestServer): Promise<readonly Row[]> {
  const command = sipCommands.find(({ name }) => name === 'calls_list');
  if (command === undefined) throw new Error('there is no calls_list');
  const args = readNamed(command.arguments, new Map([['host', 'localhost']]));
  return (await command.run(adminParts(server.server), args)) as readonly Row[];
}

test('two phones behind NATs hear each other, RTP and RTCP; BYE closes the ports', async (t) => {
  await using stage = await Stage.open();
  await using romeo = await Sound.open();
  await using juliet = await Sound.open();
  await using romeoControl = await Sound.open();
  await using julietControl = await Sound.open();
  const offer = description('10.0.0.5', 4000, 'a=rtcp:4001');
  const { forJuliet, forRomeo, ok, rings, sent } = await talk(stage, offer, description('192.168.7.7', 5000));
  t.is(forJuliet.address, '127.0.0.1');
  t.is(forJuliet.port % 2, 0);
  t.is(
    rings.body.toString(),
    offer
      .replace('c=IN IP4 10.0.0.5', 'c=IN IP4 127.0.0.1')
      .replace('audio 4000', `audio ${forJuliet.port}`)
      .replace('rtcp:4001', `rtcp:${forJuliet.port + 1}`),
  );
  t.is(ok.get('Content-Length'), String(ok.body.length));
  await bothWays(t, romeo, juliet, forRomeo, forJuliet);
  await bothWays(t, romeoControl, julietControl, forRomeo, forJuliet, 1);
  t.is(stage.ports, 4);
  const [call] = await callsList(stage.server);
  t.is(call?.['media'], 'relayed');
  t.true(Number(call?.['packets']) >= 4 && Number(call?.['bytes']) > Number(call?.['packets']));
  await hangUp(stage, sent, ok);
  t.is(stage.ports, 0);
  t.is(stage.server.sip.media.size, 0);
});

test('a call in the open, and one with the relay switched off, pass as they are', async (t) => {
  const open = description('127.0.0.1', 4000);
  const hidden = description('10.0.0.5', 4000);
  for (const [settings, offer] of [
    ['', open],
    ['sip: { media_relay: never }', hidden],
  ] as const) {
    await using stage = await Stage.open(settings);
    const { ok, rings } = await talk(stage, offer, description('127.0.0.1', 5000));
    t.is(rings.body.toString(), offer);
    t.is(ok.body.toString(), description('127.0.0.1', 5000));
    t.is(stage.ports, 0);
  }
});

test('a call in the open is relayed where all are', async (t) => {
  await using stage = await Stage.open('sip: { media_relay: always, media_ports: { from: 31000, to: 31999 } }');
  await using romeo = await Sound.open();
  await using juliet = await Sound.open();
  const offer = description('127.0.0.1', romeo.port);
  const { forJuliet, forRomeo } = await talk(stage, offer, description('127.0.0.1', juliet.port));
  t.true(forJuliet.port >= 31_000 && forJuliet.port < 31_999);
  romeo.say('to the place that the answer names', forRomeo);
  t.is(await juliet.hears(), 'to the place that the answer names');
});

test('a phone behind a NAT is called: its Contact tells', async (t) => {
  await using server = await SipTestServer.start();
  await server.register(JULIET, ROMEO);
  const romeo = await server.registered(ROMEO);
  const juliet = await server.registered(JULIET, { contact: '<sip:juliet@192.168.7.7:5060>' });
  const stage = new Stage(server, romeo, juliet);
  await using relayed = await Sound.open();
  const sent = await stage.invite(description('127.0.0.1', relayed.port));
  const rings = await juliet.asked('INVITE');
  t.not(placeIn(rings).port, relayed.port);
  answer(juliet, rings, 200, description('192.168.7.7', 5000));
  t.is(placeIn(await romeo.final(sent)).address, '127.0.0.1');
});

test('two phones ring with early media, one answers: each has ports of its own', async (t) => {
  await using stage = await Stage.open();
  const second = await stage.server.registered(JULIET, { transport: 'tcp' });
  await using romeo = await Sound.open();
  await using first = await Sound.open();
  await using other = await Sound.open();
  const sent = await stage.invite(description('10.0.0.5', 4000));
  const rings = [await stage.juliet.asked('INVITE'), await second.asked('INVITE')] as const;
  t.not(placeIn(rings[0]).port, placeIn(rings[1]).port);
  answer(stage.juliet, rings[0], 183, description('10.0.0.6', 5000), 'first');
  answer(second, rings[1], 183, description('10.0.0.7', 6000), 'other');
  const early = new Map<string, Place>();
  for (let count = 0; count < 2; count++) {
    const one = (await stage.romeo.next(
      (message) => message.kind === 'response' && message.status === 183,
      '183',
    )) as SipResponse;
    early.set(one.to?.tag ?? '', placeIn(one));
  }
  t.is(stage.ports, 8);
  const place = (tag: string): Place => early.get(tag) ?? { address: '', port: 0 };
  await bothWays(t, romeo, first, place('first'), placeIn(rings[0]));
  romeo.heard.length = 0;
  await bothWays(t, romeo, other, place('other'), placeIn(rings[1]));
  answer(second, rings[1], 200, description('10.0.0.7', 6000), 'other');
  const ok = await stage.romeo.final(sent);
  t.deepEqual(placeIn(ok), place('other'));
  answer(stage.juliet, await stage.juliet.asked('CANCEL'), 200);
  answer(stage.juliet, rings[0], 487);
  await stage.juliet.asked('ACK');
  t.is(stage.ports, 4);
});

test('a call that is refused, or given up, leaves no ports', async (t) => {
  await using stage = await Stage.open();
  const refused = await stage.invite(description('10.0.0.5', 4000));
  const rings = await stage.juliet.asked('INVITE');
  t.is(stage.ports, 2);
  answer(stage.juliet, rings, 183, description('10.0.0.6', 5000));
  answer(stage.juliet, rings, 486);
  stage.romeo.acknowledge(refused, await stage.romeo.final(refused));
  t.is(stage.ports, 0);
  const { romeo } = stage;
  const sent = await stage.invite(description('10.0.0.5', 4000));
  const again = await stage.juliet.asked('INVITE');
  answer(stage.juliet, again, 180);
  await romeo.next((one) => one.kind === 'response' && one.status === 180, '180');
  const cancel = romeo
    .request('CANCEL', { uri: sent.uri, to: `sip:${JULIET}`, callId: sent.callId ?? '', cseq: sent.cseq?.number ?? 0 })
    .edit()
    .set('Via', String(sent.via))
    .done();
  romeo.send(cancel);
  answer(stage.juliet, await stage.juliet.asked('CANCEL'), 200);
  answer(stage.juliet, again, 487);
  t.is((await romeo.final(sent)).status, 487);
  t.is(stage.ports, 0);
});

test('bad descriptions pass as they are, and are counted', async (t) => {
  await using stage = await Stage.open();
  const offer = 'v=0\r\nc=IN IP4 10.0.0.5\r\nm=audio x\r\n';
  const { rings } = await talk(stage, offer, description('10.0.0.6', 5000));
  t.is(rings.body.toString(), offer);
  t.is(stage.server.sip.media.counters.badSdp, 1);
  t.is(stage.ports, 0);
});

test('no ports are left: the call passes as it is', async (t) => {
  await using stage = await Stage.open('sip: { media_ports: { from: 31001, to: 31001 } }');
  const { rings } = await talk(stage, description('10.0.0.5', 4000), description('10.0.0.6', 5000));
  t.deepEqual(placeIn(rings), { address: '10.0.0.5', port: 4000 });
  t.true(stage.server.sip.media.counters.noPorts > 0);
  t.is(stage.server.sip.media.size, 0);
});

test('a server that was restarted relays again after the next re-INVITE', async (t) => {
  await using stage = await Stage.open();
  await using romeo = await Sound.open();
  await using juliet = await Sound.open();
  const { ok, sent } = await talk(stage, description('10.0.0.5', 4000), description('10.0.0.6', 5000));
  await stage.server.restart();
  const again = inDialog(stage.romeo, 'INVITE', sent, ok, description('10.0.0.5', 4000));
  stage.romeo.send(again);
  const asked = await stage.juliet.asked('INVITE');
  answer(stage.juliet, asked, 200, description('10.0.0.6', 5000));
  const answered = await stage.romeo.final(again);
  await bothWays(t, romeo, juliet, placeIn(answered), placeIn(asked));
  await hangUp(stage, sent, ok);
  t.is(stage.ports, 0);
});

test('a phone goes without a word: the other one is told to hang up', async (t) => {
  await using stage = await Stage.open();
  await using romeo = await Sound.open();
  await using juliet = await Sound.open();
  const { forJuliet, forRomeo } = await talk(stage, description('10.0.0.5', 4000), description('10.0.0.6', 5000));
  await bothWays(t, romeo, juliet, forRomeo, forJuliet);
  const [call] = [...stage.server.sip.activeCalls];
  stage.server.sip.activeCalls.silent(call?.callId ?? '', call?.callerTag ?? '', call?.calleeTag ?? '');
  const bye = await stage.romeo.asked('BYE');
  t.regex(bye.get('Reason') ?? '', /No media/);
  t.is(stage.ports, 0);
  t.is(stage.server.sip.activeCalls.size, 0);
});
