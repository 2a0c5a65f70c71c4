/** Offers and answers of calls that are relayed (RFC 3264, RFC 6337). */
import test from 'ava';
import type { SipResponse } from '#protocols/sip/message/message.ts';
import { answer, bodyOf, bothWays, description, hangUp, inDialog, placeIn, Sound, Stage, talk } from './media-stage.ts';

test('hold and resume: the hold is seen, the ports stay', async (t) => {
  await using stage = await Stage.open();
  await using romeo = await Sound.open();
  await using juliet = await Sound.open();
  const { forJuliet, forRomeo, ok, sent } = await talk(
    stage,
    description('10.0.0.5', 4000),
    description('10.0.0.6', 5000),
  );
  for (const [offer, isHold] of [
    [description('10.0.0.5', 4000, 'a=sendonly'), false],
    [description('0.0.0.0', 4000), true],
    [description('10.0.0.5', 4000), false],
  ] as const) {
    const again = inDialog(stage.romeo, 'INVITE', sent, ok, offer);
    stage.romeo.send(again);
    const asked = await stage.juliet.asked('INVITE');
    t.deepEqual(placeIn(asked), isHold ? { address: '0.0.0.0', port: 4000 } : forJuliet);
    t.is(asked.body.includes('a=sendonly'), offer.includes('a=sendonly'));
    answer(stage.juliet, asked, 200, description('10.0.0.6', 5000));
    const answered = await stage.romeo.final(again);
    t.deepEqual(placeIn(answered), forRomeo);
    stage.romeo.send(inDialog(stage.romeo, 'ACK', sent, answered));
    await stage.juliet.asked('ACK');
  }
  await bothWays(t, romeo, juliet, forRomeo, forJuliet);
  t.is(stage.ports, 4);
});

test('a phone moves: after its re-INVITE media comes from elsewhere; one that is refused changes nothing', async (t) => {
  await using stage = await Stage.open();
  await using romeo = await Sound.open();
  await using juliet = await Sound.open();
  await using elsewhere = await Sound.open();
  const { forJuliet, forRomeo, ok, sent } = await talk(
    stage,
    description('10.0.0.5', 4000),
    description('10.0.0.6', 5000),
  );
  await bothWays(t, romeo, juliet, forRomeo, forJuliet);
  elsewhere.say('not yet', forRomeo);
  for (const status of [488, 200]) {
    const again = inDialog(stage.romeo, 'INVITE', sent, ok, description('10.0.0.5', 4400));
    stage.romeo.send(again);
    const asked = await stage.juliet.asked('INVITE');
    t.deepEqual(placeIn(asked), forJuliet);
    answer(stage.juliet, asked, status, status === 200 ? description('10.0.0.6', 5000) : undefined);
    await stage.romeo.final(again);
    if (status === 200) break;
    juliet.say('still there', forJuliet);
    let heard = await romeo.hears();
    while (heard !== 'still there') heard = await romeo.hears();
  }
  juliet.heard.length = 0;
  await bothWays(t, elsewhere, juliet, forRomeo, forJuliet);
  t.false(elsewhere.heard.some(({ text }) => text === 'still there'));
});

test('a stream that comes later gets ports, one that goes gives them back', async (t) => {
  await using stage = await Stage.open();
  const video = (port: number): string => `m=video ${port} RTP/AVP 31`;
  const { ok, rings, sent } = await talk(
    stage,
    description('10.0.0.5', 4000, video(4002)),
    description('10.0.0.6', 5000, video(0)),
  );
  t.regex(rings.body.toString(), /^m=video [1-9]/m);
  t.regex(ok.body.toString(), /^m=video 0 /m);
  t.is(stage.ports, 4);
  // From the callee.
  const again = stage.juliet.request('INVITE', {
    uri: rings.contacts?.[0]?.uri ?? '',
    from: ok.get('To') ?? '',
    to: sent.get('From') ?? '',
    callId: sent.callId ?? '',
    fields: [
      ...(rings.recordRoutes ?? []).map((route) => ['Route', String(route)] as const),
      ['Contact', `<${stage.juliet.contact}>`],
    ],
    body: bodyOf(description('10.0.0.6', 5000, video(5002))),
  });
  stage.juliet.send(again);
  const asked = await stage.romeo.asked('INVITE');
  t.deepEqual(placeIn(asked), placeIn(ok));
  t.regex(asked.body.toString(), /^m=video 3\d{4} /m);
  t.is(stage.ports, 8);
  answer(stage.romeo, asked, 200, description('10.0.0.5', 4000, video(4002)));
  t.deepEqual(placeIn(await stage.juliet.final(again)), placeIn(rings));
});

test('an offer in the answer, and the answer in the ACK', async (t) => {
  await using stage = await Stage.open();
  await using romeo = await Sound.open();
  await using juliet = await Sound.open();
  const sent = await stage.invite(undefined);
  const rings = await stage.juliet.asked('INVITE');
  t.is(rings.body.length, 0);
  answer(stage.juliet, rings, 200, description('10.0.0.6', 5000));
  const ok = await stage.romeo.final(sent);
  stage.romeo.send(inDialog(stage.romeo, 'ACK', sent, ok, description('10.0.0.5', 4000)));
  const ack = await stage.juliet.asked('ACK');
  t.is(ack.get('Content-Length'), String(ack.body.length));
  await bothWays(t, romeo, juliet, placeIn(ok), placeIn(ack));
  await hangUp(stage, sent, ok);
  t.is(stage.ports, 0);
});

test('both sides do ICE: the answer passes as it is, and the relay steps aside (RFC 8839)', async (t) => {
  await using stage = await Stage.open('sip: { media_relay: always }');
  const ice = ['a=ice-ufrag:x', 'a=ice-pwd:y', 'a=candidate:1 1 UDP 2130706431 10.0.0.5 4000 typ host'];
  const { ok, rings } = await talk(stage, description('10.0.0.5', 4000, ...ice), description('10.0.0.6', 5000, ...ice));
  t.true(rings.body.includes(ice.join('\r\n')));
  t.is(ok.body.toString(), description('10.0.0.6', 5000, ...ice));
  t.is(stage.ports, 0);
});

test('one side does ICE, and the other does not: relayed', async (t) => {
  await using stage = await Stage.open('sip: { media_relay: always }');
  const { ok } = await talk(stage, description('10.0.0.5', 4000, 'a=ice-ufrag:x'), description('10.0.0.6', 5000));
  t.is(placeIn(ok).address, '127.0.0.1');
  t.is(stage.ports, 4);
});

test('an offer in a reliable 183, the answer in its PRACK, and another offer in an UPDATE while it rings', async (t) => {
  await using stage = await Stage.open();
  await using romeo = await Sound.open();
  await using juliet = await Sound.open();
  const { juliet: callee, romeo: caller } = stage;
  const sent = await stage.invite(undefined, [['Supported', '100rel']]);
  const rings = await callee.asked('INVITE');
  answer(callee, rings, 183, description('10.0.0.6', 5000));
  const early = (await caller.next((one) => one.kind === 'response' && one.status === 183, '183')) as SipResponse;
  const rack = `1 ${sent.cseq?.number} INVITE`;
  const prack = inDialog(caller, 'PRACK', sent, early, description('10.0.0.5', 4000)).edit().set('RAck', rack).done();
  caller.send(prack);
  const asked = await callee.asked('PRACK');
  t.is(placeIn(asked).address, '127.0.0.1');
  answer(callee, asked, 200);
  await caller.final(prack);
  await bothWays(t, romeo, juliet, placeIn(early), placeIn(asked));
  const update = inDialog(caller, 'UPDATE', sent, early, description('10.0.0.5', 4400));
  caller.send(update);
  const updated = await callee.asked('UPDATE');
  t.deepEqual(placeIn(updated), placeIn(asked));
  answer(callee, updated, 200, description('10.0.0.6', 5000));
  t.deepEqual(placeIn(await caller.final(update)), placeIn(early));
  answer(callee, rings, 200);
  const ok = await caller.final(sent);
  t.is(ok.body.length, 0);
  t.is(stage.ports, 4);
  await hangUp(stage, sent, ok);
  t.is(stage.ports, 0);
});
