/** XMPP, MQTT and SIP at once: one list of devices, one block list, one offline store, copies for all. */
import test from 'ava';
import { BridgeStage } from './stage.ts';

test('a phone to a person, and back to the phone that it was (RFC 7572)', async (t) => {
  await using stage = await BridgeStage.open(['romeo', 'juliet']);
  const juliet = await stage.person('juliet');
  const romeo = await stage.phone('romeo');
  t.is((await romeo.say('juliet@localhost', 'Neither, fair saint')).status, 200);
  const message = await juliet.next();
  t.is(message.getChildText('body'), 'Neither, fair saint');
  t.is(message.attrs['type'], 'chat');
  t.regex(String(message.attrs['from']), /^romeo@localhost\/sip-[0-9a-f]{8}$/);
  juliet.say(
    `<message to='${String(message.attrs['from'])}' id='j1' type='chat' xml:lang='en'><subject>Night</subject><thread>t-1</thread><body>Good night</body></message>`,
  );
  const request = await romeo.asked('MESSAGE');
  t.is(request.body.toString(), 'Good night');
  t.is(request.get('Subject'), 'Night');
  t.is(request.get('Content-Language'), 'en');
  t.is(request.callId, 't-1');
  t.is(request.from?.uri, 'sip:juliet@localhost;gr=phone');
});

test('a phone to a thing, and a thing to a phone', async (t) => {
  await using stage = await BridgeStage.open(['romeo', 'door']);
  const door = await stage.thing('door', 'front');
  await door.listen('xmpp/inbox');
  const romeo = await stage.phone('romeo');
  t.is((await romeo.say('door@localhost', 'open')).status, 200);
  t.like(await door.hearJson(), { body: 'open', type: 'chat' });
  t.is(await door.say('xmpp/send/romeo@localhost', 'opened'), 0);
  t.is(await romeo.hears(), 'opened');
});

test('one message, each kind of device: the one that is meant, and copies for the others', async (t) => {
  await using stage = await BridgeStage.open(['romeo', 'juliet']);
  const desk = await stage.person('juliet', 'desk');
  desk.say("<iq type='set' id='e'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
  await desk.next('iq');
  const clock = await stage.thing('juliet', 'clock');
  await clock.listen('xmpp/inbox', 'xmpp/sent');
  const handset = await stage.phone('juliet');
  const romeo = await stage.person('romeo');
  romeo.chat('juliet@localhost', 'to the account', 'm1');
  t.is((await desk.next()).getChildText('body'), 'to the account');
  t.like(await clock.hearJson(), { topic: 'xmpp/inbox', body: 'to the account' });
  t.is(await handset.hears(), 'to the account');
  // What one device says, the others see.
  desk.chat('romeo@localhost', 'from the desk', 'm2');
  t.like(await clock.hearJson(), { topic: 'xmpp/sent', body: 'from the desk', to: 'romeo@localhost' });
  t.is(await handset.hears(), '\u2192 romeo@localhost: from the desk');
  t.is((await handset.say('romeo@localhost', 'from the handset')).status, 200);
  t.like(await clock.hearJson(), { topic: 'xmpp/sent', body: 'from the handset' });
  t.regex(String((await desk.next()).getChild('sent', 'urn:xmpp:carbons:2')), /from the handset/);
  t.is(await clock.say('xmpp/send/romeo@localhost', 'from the clock'), 0);
  t.regex(String((await desk.next()).getChild('sent', 'urn:xmpp:carbons:2')), /from the clock/);
  t.is(await handset.hears(), '\u2192 romeo@localhost: from the clock');
  const bodies = [await romeo.next(), await romeo.next(), await romeo.next()].map((one) => one.getChildText('body'));
  t.deepEqual(bodies, ['from the desk', 'from the handset', 'from the clock']);
});

test('a phone that does not take its copy costs nobody a second one', async (t) => {
  await using stage = await BridgeStage.open(['romeo', 'juliet']);
  const desk = await stage.person('juliet', 'desk');
  const handset = await stage.phone('juliet');
  const romeo = await stage.person('romeo');
  romeo.chat('juliet@localhost', 'to the account', 'm1');
  t.is((await desk.next()).getChildText('body'), 'to the account');
  await handset.asked('MESSAGE');
  t.is((await handset.register({ expires: 0 })).status, 200);
  romeo.chat('juliet@localhost', 'marker', 'm2');
  t.is((await desk.next()).getChildText('body'), 'marker');
});

for (const kind of ['person', 'thing', 'phone'] as const) {
  test(`who was away gets it later, once: a ${kind}`, async (t) => {
    await using stage = await BridgeStage.open(['romeo', 'juliet', 'door']);
    const romeo = await stage.person('romeo');
    const door = await stage.thing('door', 'front');
    const handset = await stage.phone('romeo', { transport: 'tcp' });
    romeo.chat('juliet@localhost', 'from a person', 'm1');
    await romeo.quiet();
    t.is(await door.say('xmpp/send/juliet@localhost', 'from a thing'), 0);
    t.is((await handset.say('juliet@localhost', 'from a phone')).status, 202);
    await stage.restart();
    const expected = ['from a person', 'from a thing', 'from a phone'];
    if (kind === 'person') {
      const juliet = await stage.person('juliet', 'desk', '');
      juliet.say('<presence/>');
      const bodies = [await juliet.next(), await juliet.next(), await juliet.next()].map((one) =>
        one.getChildText('body'),
      );
      t.deepEqual(bodies, expected);
    } else if (kind === 'thing') {
      const clock = await stage.thing('juliet', 'clock');
      await clock.listen('xmpp/inbox');
      const heard = [await clock.hearJson(), await clock.hearJson(), await clock.hearJson()];
      t.deepEqual(
        heard.map(({ body }) => body),
        expected,
      );
    } else {
      const phone = await stage.phone('juliet');
      t.deepEqual([await phone.hears(), await phone.hears(), await phone.hears()], expected);
    }
    // Nothing is left for the next device.
    const late = await stage.person('juliet', 'late', '');
    late.say('<presence/>');
    t.deepEqual(
      (await late.quiet()).filter((text) => text.startsWith('<message')),
      [],
    );
  });
}

test('a blocked sender reaches nobody by any protocol', async (t) => {
  await using stage = await BridgeStage.open(['romeo', 'juliet', 'tybalt']);
  const juliet = await stage.person('juliet');
  const clock = await stage.thing('juliet', 'clock');
  await clock.listen('xmpp/inbox');
  const handset = await stage.phone('juliet');
  juliet.say("<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='tybalt@localhost'/></block></iq>");
  await juliet.next('iq');
  const person = await stage.person('tybalt');
  const thing = await stage.thing('tybalt', 'sword');
  const phone = await stage.phone('tybalt');
  person.chat('juliet@localhost', 'x');
  t.is((await person.next()).attrs['type'], 'error');
  t.is(await thing.say('xmpp/send/juliet@localhost', 'x'), 0x87);
  t.is((await phone.say('juliet@localhost', 'x')).status, 403);
  t.deepEqual(await juliet.quiet(), []);
  t.deepEqual(await clock.quiet(), []);
  // The next that the handset hears is from somebody else.
  const romeo = await stage.person('romeo');
  romeo.chat('juliet@localhost', 'it is I');
  t.is(await handset.hears(), 'it is I');
});

test('the sender of a message is told when a phone has it (XEP-0184)', async (t) => {
  await using stage = await BridgeStage.open(['romeo', 'juliet']);
  const handset = await stage.phone('juliet');
  const romeo = await stage.person('romeo');
  romeo.say(
    "<message to='juliet@localhost' id='r1' type='chat'><body>there?</body><request xmlns='urn:xmpp:receipts'/></message>",
  );
  t.is(await handset.hears(), 'there?');
  const report = await romeo.next();
  t.is(report.getChild('received', 'urn:xmpp:receipts')?.attrs['id'], 'r1');
});

test('or by the notification of the phone (RFC 5438)', async (t) => {
  await using stage = await BridgeStage.open(['romeo', 'juliet'], 'sip_xmpp: { receipts: cpim }\n');
  const handset = await stage.phone('juliet');
  const romeo = await stage.person('romeo');
  romeo.say(
    "<message to='juliet@localhost' id='r1' type='chat'><body>there?</body><request xmlns='urn:xmpp:receipts'/></message>",
  );
  const request = await handset.asked('MESSAGE');
  t.is(request.contentType?.type, 'message/cpim');
  t.regex(request.body.toString(), /imdn\.Message-ID: r1\r\n/);
  handset.answer(request, 200);
  const imdn =
    '<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>r1</message-id>' +
    '<delivery-notification><status><delivered/></status></delivery-notification></imdn>';
  const body = { type: 'message/imdn+xml', bytes: Buffer.from(imdn) };
  t.is((await handset.prove(handset.request('MESSAGE', { to: 'sip:romeo@localhost', body }))).status, 200);
  t.is((await romeo.next()).getChild('received', 'urn:xmpp:receipts')?.attrs['id'], 'r1');
});

test('typing on a phone is seen, and seen by a phone (RFC 3994)', async (t) => {
  await using stage = await BridgeStage.open(['romeo', 'juliet']);
  const romeo = await stage.person('romeo');
  const handset = await stage.phone('juliet');
  const typing = '<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>active</state></isComposing>';
  const body = { type: 'application/im-iscomposing+xml', bytes: Buffer.from(typing) };
  t.is((await handset.prove(handset.request('MESSAGE', { to: 'sip:romeo@localhost', body }))).status, 200);
  const seen = await romeo.next();
  t.truthy(seen.getChild('composing', 'http://jabber.org/protocol/chatstates'));
  romeo.say(
    `<message to='${String(seen.attrs['from'])}' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>`,
  );
  const request = await handset.asked('MESSAGE');
  t.is(request.contentType?.type, 'application/im-iscomposing+xml');
  t.regex(request.body.toString(), /<state>active<\/state>/);
});

test('calls of an account are told to its things', async (t) => {
  await using stage = await BridgeStage.open(['romeo', 'juliet', 'stranger']);
  const bell = await stage.thing('juliet', 'bell');
  await bell.listen('sip/juliet/calls');
  const stranger = await stage.thing('stranger', 'ear');
  t.deepEqual(await stranger.listen('sip/juliet/calls', 'sip/+/calls'), [0x87, 1]);
  const romeo = await stage.phone('romeo');
  const juliet = await stage.phone('juliet');
  const sdp = { type: 'application/sdp', bytes: Buffer.from('v=0\r\n') };
  const fields = [['Contact', `<${romeo.contact}>`]] as const;
  const invite = romeo.request('INVITE', { to: 'sip:juliet@localhost', body: sdp, fields });
  const final = romeo.prove(invite);
  const request = await juliet.asked('INVITE');
  juliet.answer(request, 180);
  t.like(await bell.hearJson(), {
    topic: 'sip/juliet/calls',
    state: 'ringing',
    from: 'sip:romeo@localhost',
    side: 'callee',
  });
  juliet.answer(request, 486);
  const response = await final;
  t.is(response.status, 486);
  t.like(await bell.hearJson(), { state: 'ended', status: 486 });
  t.deepEqual(await stranger.quiet(), []);
});

test('presence of a phone: to a person and a thing that may see it, and to nobody else', async (t) => {
  await using stage = await BridgeStage.open(['romeo', 'juliet', 'clock', 'tybalt']);
  stage.befriend('romeo', 'juliet');
  stage.befriend('romeo', 'clock');
  const juliet = await stage.person('juliet');
  const tybalt = await stage.person('tybalt');
  const clock = await stage.thing('clock', 'wall');
  await clock.listen('xmpp/presence/romeo@localhost', 'sip/romeo/registration');
  t.like(await clock.hearJson(), { type: 'unavailable' });
  t.like(await clock.hearJson(), { user: 'romeo@localhost', registered: false });
  const handset = await stage.phone('romeo');
  const came = await juliet.next('presence');
  t.regex(String(came.attrs['from']), /^romeo@localhost\/sip-/);
  t.is(came.attrs['type'], undefined);
  const heard = [await clock.hearJson(), await clock.hearJson()];
  t.like(
    heard.find(({ topic }) => topic === 'xmpp/presence/romeo@localhost'),
    { type: 'available', priority: -1 },
  );
  t.like(
    heard.find(({ topic }) => topic === 'sip/romeo/registration'),
    { registered: true },
  );
  juliet.say(
    `<iq type='get' id='d' to='${String(came.attrs['from'])}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
  );
  t.like((await juliet.next('iq')).getChild('query')?.getChild('identity')?.attrs, {
    category: 'client',
    type: 'phone',
  });
  t.is((await handset.register({ expires: 0 })).status, 200);
  t.is((await juliet.next('presence')).attrs['type'], 'unavailable');
  const gone = [await clock.hearJson(), await clock.hearJson()];
  t.like(
    gone.find(({ topic }) => topic === 'sip/romeo/registration'),
    { registered: false },
  );
  t.deepEqual(await tybalt.quiet(), []);
});
