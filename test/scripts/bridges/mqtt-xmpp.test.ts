import test from 'ava';
import { BridgeStage } from './stage.ts';

const CHAT = (to: string, body: string, id = 'c1'): string =>
  `<message to='${to}' id='${id}' type='chat'><body>${body}</body></message>`;

test('mosquitto_pub to a person: plain text, JSON, and who it is from', async (t) => {
  await using stage = await BridgeStage.open(['sensor', 'juliet']);
  const juliet = await stage.person('juliet');
  const sensor = await stage.thing('sensor', 'kitchen');
  t.is(await sensor.say('xmpp/send/juliet@localhost', 'the milk boils'), 0);
  const first = await juliet.next();
  t.is(first.getChildText('body'), 'the milk boils');
  t.is(first.attrs['from'], 'sensor@localhost/kitchen');
  t.is(first.attrs['type'], 'chat');
  const json = { id: 'm1', body: 'Ahoj', subject: 'Teplo', thread: 't1', lang: 'cs', type: 'normal', receipt: true };
  t.is(
    await sensor.say('xmpp/send/juliet@localhost%2Fphone', JSON.stringify(json), { contentType: 'application/json' }),
    0,
  );
  const second = await juliet.next();
  t.like(second.attrs, { id: 'm1', type: 'normal', 'xml:lang': 'cs', to: 'juliet@localhost/phone' });
  t.is(second.getChildText('subject'), 'Teplo');
  t.is(second.getChildText('thread'), 't1');
  t.truthy(second.getChild('request', 'urn:xmpp:receipts'));
});

test('a person to a thing, by its full and by its bare address', async (t) => {
  await using stage = await BridgeStage.open(['sensor', 'juliet']);
  const sensor = await stage.thing('sensor', 'kitchen');
  t.deepEqual(await sensor.listen('xmpp/inbox'), [1]);
  const juliet = await stage.person('juliet');
  for (const to of ['sensor@localhost/kitchen', 'sensor@localhost']) {
    juliet.say(CHAT(to, 'are you warm?', `to-${to.length}`));
    const heard = await sensor.hear();
    t.is(heard.topic, 'xmpp/inbox');
    t.like(JSON.parse(heard.text), {
      id: `to-${to.length}`,
      from: 'juliet@localhost/phone',
      to,
      type: 'chat',
      body: 'are you warm?',
    });
    const { properties } = heard.packet;
    t.is(properties?.contentType, 'application/json');
    t.is(properties?.responseTopic, 'xmpp/send/juliet@localhost%2Fphone');
    t.is(properties?.correlationData?.toString(), `to-${to.length}`);
    t.is(await sensor.say(String(properties?.responseTopic), 'yes'), 0);
    t.is((await juliet.next()).getChildText('body'), 'yes');
  }
});

test('what came while a device was away comes later, once, from one queue', async (t) => {
  await using stage = await BridgeStage.open(['sensor', 'juliet']);
  const juliet = await stage.person('juliet');
  juliet.say(CHAT('sensor@localhost', 'before you ever came'));
  await juliet.quiet();
  const durable = { clean: false, properties: { sessionExpiryInterval: 3600 } };
  const sensor = await stage.thing('sensor', 'kitchen', durable);
  await sensor.listen('xmpp/inbox');
  t.like(await sensor.hearJson(), { body: 'before you ever came' });
  sensor.client.send({ cmd: 'disconnect', reasonCode: 0 });
  await sensor.client.ended();
  juliet.say(CHAT('sensor@localhost/kitchen', 'to the device', 'c2'));
  juliet.say(CHAT('sensor@localhost', 'to the account', 'c3'));
  t.deepEqual(await juliet.quiet(), []);
  await stage.restart();
  const back = await stage.thing('sensor', 'kitchen', durable);
  const bodies = [await back.hearJson(), await back.hearJson()].map(({ body }) => String(body));
  t.deepEqual(bodies.toSorted(), ['to the account', 'to the device']);
  t.deepEqual(await back.quiet(), []);
});

test('carbons: what one device sends and gets the others see, whatever they speak', async (t) => {
  await using stage = await BridgeStage.open(['juliet', 'romeo']);
  const juliet = await stage.person('juliet', 'phone');
  juliet.say("<iq type='set' id='e'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
  await juliet.next('iq');
  const clock = await stage.thing('juliet', 'clock');
  await clock.listen('xmpp/inbox', 'xmpp/sent');
  const romeo = await stage.person('romeo');
  // What comes for the account.
  romeo.say(CHAT('juliet@localhost/phone', 'hark'));
  t.is((await juliet.next()).getChildText('body'), 'hark');
  t.like(await clock.hearJson(), { topic: 'xmpp/inbox', body: 'hark', from: 'romeo@localhost/phone' });
  // What the person's client sends.
  juliet.say(CHAT('romeo@localhost', 'ay me'));
  t.is((await romeo.next()).getChildText('body'), 'ay me');
  t.like(await clock.hearJson(), { topic: 'xmpp/sent', body: 'ay me', to: 'romeo@localhost' });
  // What the thing sends.
  t.is(await clock.say('xmpp/send/romeo@localhost', 'ten o’clock'), 0);
  t.is((await romeo.next()).getChildText('body'), 'ten o’clock');
  const sent = (await juliet.next()).getChild('sent', 'urn:xmpp:carbons:2');
  t.regex(String(sent), /ten o’clock/);
});

test('a blocked sender reaches nobody, and learns what one who writes to nobody learns', async (t) => {
  await using stage = await BridgeStage.open(['sensor', 'juliet']);
  const juliet = await stage.person('juliet');
  const clock = await stage.thing('juliet', 'clock');
  await clock.listen('xmpp/inbox');
  const sensor = await stage.thing('sensor', 'kitchen');
  juliet.say("<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='sensor@localhost'/></block></iq>");
  await juliet.next('iq');
  t.is(await sensor.say('xmpp/send/juliet@localhost', 'x'), 0x87);
  t.is(await sensor.say('xmpp/send/juliet@localhost%2Fclock', 'x'), 0x87);
  t.is(await sensor.say('xmpp/send/nobody@localhost', 'x'), 0x87);
  t.deepEqual(await juliet.quiet(), []);
  t.deepEqual(await clock.quiet(), []);
});

test('reasons of PUBACK', async (t) => {
  await using stage = await BridgeStage.open(['sensor', 'juliet'], 'mqtt_xmpp: { max_payload: 1KB }\n');
  const sensor = await stage.thing('sensor', 'kitchen');
  const json = (value: unknown): string => JSON.stringify(value);
  const cases: readonly (readonly [number, string, string, object?])[] = [
    [0x00, 'xmpp/send/juliet@localhost', 'kept for later'],
    [0x10, 'xmpp/send/juliet@localhost', json({ state: 'composing' })],
    [0x90, 'xmpp/send/@localhost', 'x'],
    [0x90, 'xmpp/inbox', 'x'],
    [0x90, 'xmpp/presence/juliet@localhost', 'x'],
    [0x99, 'xmpp/send/juliet@localhost', '{"body":'],
    [0x99, 'xmpp/send/juliet@localhost', json({ body: 'x', extra: 1 })],
    [0x99, 'xmpp/send/juliet@localhost', '{"body":"x","__proto__":{"type":"error"}}'],
    [0x99, 'xmpp/send/juliet@localhost', json({ subject: 5 })],
    [0x99, 'xmpp/send/juliet@localhost', json({ body: 'x', from: 'romeo@localhost' })],
    [0x99, 'xmpp/send/juliet@localhost', json({ body: 'x', to: 'romeo@localhost' })],
    [0x99, 'xmpp/send/juliet@localhost', 'x'.repeat(1100)],
    [0x99, 'xmpp/send/juliet@localhost', '<message><body>', { contentType: 'application/xmpp+xml' }],
    [0x99, 'xmpp/send/juliet@localhost', '<presence/>', { contentType: 'application/xmpp+xml' }],
  ];
  for (const [reason, topic, payload, properties] of cases)
    t.is(await sensor.say(topic, payload, properties), reason, payload);
});

test('what may be subscribed to below the root', async (t) => {
  await using stage = await BridgeStage.open(['sensor', 'juliet']);
  stage.befriend('sensor', 'juliet');
  const sensor = await stage.thing('sensor', 'kitchen');
  const cases: readonly (readonly [string, number])[] = [
    ['xmpp/inbox', 1],
    ['xmpp/sent', 1],
    ['xmpp/#', 1],
    ['xmpp/presence/+', 1],
    ['xmpp/presence/juliet@localhost', 1],
    ['xmpp/presence/stranger@localhost', 0x87],
    ['xmpp/send/juliet@localhost', 0x8f],
    ['xmpp', 0x8f],
    ['$share/g/xmpp/inbox', 0x9e],
    ['sip/sensor/registration', 1],
    ['sip/stranger/registration', 0x87],
  ];
  for (const [filter, reason] of cases) {
    sensor.client.received.length = 0;
    const [granted] = await sensor.client
      .subscribe({ topic: filter, qos: 1 })
      .catch((error: unknown) => [String(error)]);
    t.is(granted, reason, filter);
    await sensor.client.ping().catch(() => undefined);
  }
});

test('a wildcard at the beginning does not take the messages of an account', async (t) => {
  await using stage = await BridgeStage.open(['sensor', 'juliet']);
  const monitor = await stage.thing('sensor', 'monitor');
  await monitor.listen('#', '+/inbox');
  const juliet = await stage.person('juliet');
  juliet.say(CHAT('sensor@localhost', 'for the inbox'));
  await juliet.quiet();
  t.deepEqual(await monitor.quiet(), []);
  const kitchen = await stage.thing('sensor', 'kitchen');
  await kitchen.listen('xmpp/inbox');
  t.like(await kitchen.hearJson(), { body: 'for the inbox' });
});

test('a stanza of one’s own, and bytes that are no text', async (t) => {
  await using stage = await BridgeStage.open(['sensor', 'juliet']);
  const juliet = await stage.person('juliet');
  const sensor = await stage.thing('sensor', 'kitchen');
  const raw =
    "<message xmlns='jabber:client' type='headline' id='r1'><body>raw</body><x xmlns='urn:example'/></message>";
  t.is(await sensor.say('xmpp/send/juliet@localhost', raw, { contentType: 'application/xmpp+xml' }), 0);
  const first = await juliet.next();
  t.is(first.attrs['type'], 'headline');
  t.truthy(first.getChild('x', 'urn:example'));
  const clock = await stage.thing('juliet', 'clock');
  await clock.listen('xmpp/inbox');
  const bytes = Buffer.from([0xff, 0xd8, 0xff, 0x00]);
  const properties = {
    contentType: 'image/jpeg',
    userProperties: { room: 'kitchen' },
    correlationData: Buffer.from('p1'),
  };
  sensor.client.send({
    cmd: 'publish',
    topic: 'xmpp/send/juliet@localhost%2Fclock',
    payload: bytes,
    qos: 1,
    messageId: 9,
    dup: false,
    retain: false,
    properties,
  });
  await sensor.client.expect('puback');
  const { packet } = await clock.hear();
  t.deepEqual(packet.payload, bytes);
  t.is(packet.properties?.contentType, 'image/jpeg');
  t.like(packet.properties?.userProperties, { from: 'sensor@localhost/kitchen', id: 'p1', room: 'kitchen' });
  sensor.client.send({
    cmd: 'publish',
    topic: 'xmpp/send/juliet@localhost%2Fphone',
    payload: bytes,
    qos: 1,
    messageId: 10,
    dup: false,
    retain: false,
    properties,
  });
  await sensor.client.expect('puback');
  const data = (await juliet.next()).getChild('data', 'urn:trivium:mqtt:0');
  t.is(data?.getText(), bytes.toString('base64'));
  t.is(data?.attrs['content-type'], 'image/jpeg');
});

test('a message that expires on the way does not arrive', async (t) => {
  await using stage = await BridgeStage.open(['sensor', 'juliet']);
  const sensor = await stage.thing('sensor', 'kitchen');
  t.is(await sensor.say('xmpp/send/juliet@localhost', 'late', { messageExpiryInterval: 3600 }), 0);
  const clock = await stage.thing('juliet', 'clock');
  await clock.listen('xmpp/inbox');
  const { packet } = await clock.hear();
  const left = packet.properties?.messageExpiryInterval ?? 0;
  t.true(left > 3500 && left <= 3600);
});

test('errors come into the inbox', async (t) => {
  await using stage = await BridgeStage.open(['sensor', 'juliet']);
  const sensor = await stage.thing('sensor', 'kitchen');
  await sensor.listen('xmpp/inbox');
  sensor.client.send({
    cmd: 'publish',
    topic: 'xmpp/send/juliet@nowhere.invalid',
    payload: JSON.stringify({ id: 'e1', body: 'x' }),
    qos: 1,
    messageId: 3,
    dup: false,
    retain: false,
  });
  const packets = [await sensor.client.next(), await sensor.client.next()];
  const heard = packets.find(({ cmd }) => cmd === 'publish');
  t.like(JSON.parse(heard?.cmd === 'publish' ? String(heard.payload) : '{}'), {
    id: 'e1',
    type: 'error',
    from: 'juliet@nowhere.invalid',
    error: { condition: 'remote-server-not-found' },
  });
});

test('presence: a thing sees its contacts, and they see it', async (t) => {
  await using stage = await BridgeStage.open(['sensor', 'juliet', 'stranger']);
  stage.befriend('sensor', 'juliet');
  const juliet = await stage.person('juliet');
  const sensor = await stage.thing('sensor', 'kitchen', { properties: { userProperties: { status: '21 degrees' } } });
  const came = await juliet.next('presence');
  t.is(came.attrs['from'], 'sensor@localhost/kitchen');
  t.is(came.getChildText('status'), '21 degrees');
  t.is(came.getChildText('priority'), '-1');
  t.deepEqual(await sensor.listen('xmpp/presence/juliet@localhost'), [1]);
  const first = await sensor.hear();
  t.true(first.packet.retain);
  t.like(JSON.parse(first.text), {
    jid: 'juliet@localhost',
    type: 'available',
    resource: 'phone',
    priority: 0,
    resources: 1,
  });
  juliet.say('<presence><show>away</show><status>in the garden</status><priority>5</priority></presence>');
  t.like(await sensor.hearJson(), {
    topic: 'xmpp/presence/juliet@localhost',
    type: 'available',
    show: 'away',
    status: 'in the garden',
    priority: 5,
  });
  juliet.say("<presence type='unavailable'/>");
  t.like(await sensor.hearJson(), { type: 'unavailable', resources: 0 });
  t.deepEqual(await sensor.listen('xmpp/presence/stranger@localhost'), [0x87]);
});

test('presence: a good-bye, a lost connection, and one with a will and its delay', async (t) => {
  await using stage = await BridgeStage.open(['sensor', 'juliet']);
  stage.befriend('sensor', 'juliet');
  const juliet = await stage.person('juliet');
  const polite = await stage.thing('sensor', 'a');
  t.is((await juliet.next('presence')).attrs['type'], undefined);
  polite.client.send({ cmd: 'disconnect', reasonCode: 0 });
  const left = await juliet.next('presence');
  t.is(left.attrs['type'], 'unavailable');
  t.is(left.getChildText('status'), null);
  const lost = await stage.thing('sensor', 'b');
  await juliet.next('presence');
  lost.client.break();
  const gone = await juliet.next('presence');
  t.is(gone.attrs['type'], 'unavailable');
  t.is(gone.getChildText('status'), 'connection lost');
  const will = {
    topic: 'xmpp/send/juliet@localhost',
    payload: Buffer.from('I am gone'),
    qos: 1 as const,
    retain: false,
    properties: { willDelayInterval: 1 },
  };
  const late = await stage.thing('sensor', 'c', { will, properties: { sessionExpiryInterval: 60 } });
  await juliet.next('presence');
  late.client.break();
  const came = [await juliet.client.next(), await juliet.client.next()].map((one) => one.getName()).toSorted();
  t.deepEqual(came, ['message', 'presence']);
});

test('presence is withdrawn from a thing when the roster says no more', async (t) => {
  await using stage = await BridgeStage.open(['sensor', 'juliet']);
  stage.befriend('sensor', 'juliet');
  const juliet = await stage.person('juliet');
  const sensor = await stage.thing('sensor', 'kitchen');
  await sensor.listen('xmpp/presence/+');
  const seen = [await sensor.hearJson(), await sensor.hearJson()].map((one) => String(one['jid'])).toSorted();
  t.deepEqual(seen, ['juliet@localhost', 'sensor@localhost']);
  juliet.say("<presence type='unsubscribed' to='sensor@localhost'/>");
  t.like(await sensor.hearJson(), { jid: 'juliet@localhost', type: 'unavailable' });
  juliet.say('<presence><show>dnd</show></presence>');
  await juliet.quiet();
  t.deepEqual(await sensor.quiet(), []);
});

test('a person who takes the name of an absent thing leaves it what waits for it', async (t) => {
  await using stage = await BridgeStage.open(['sensor', 'juliet']);
  const durable = { clean: false, properties: { sessionExpiryInterval: 3600 } };
  const sensor = await stage.thing('sensor', 'kitchen', durable);
  await sensor.listen('xmpp/inbox');
  sensor.client.send({ cmd: 'disconnect', reasonCode: 0 });
  await sensor.client.ended();
  const juliet = await stage.person('juliet');
  juliet.chat('sensor@localhost/kitchen', 'for the thing');
  await juliet.quiet();
  const other = await stage.person('sensor', 'kitchen');
  other.leave();
  const back = await stage.thing('sensor', 'kitchen', durable);
  t.like(await back.hearJson(), { body: 'for the thing' });
});

test('a thing is asked who it is', async (t) => {
  await using stage = await BridgeStage.open(['sensor', 'juliet']);
  stage.befriend('sensor', 'juliet');
  await stage.thing('sensor', 'kitchen');
  const juliet = await stage.person('juliet');
  juliet.say(
    "<iq type='get' id='d' to='sensor@localhost/kitchen'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
  );
  const answer = await juliet.next('iq');
  t.like(answer.getChild('query')?.getChild('identity')?.attrs, { category: 'client', type: 'bot', name: 'kitchen' });
  juliet.say("<iq type='get' id='v' to='sensor@localhost/kitchen'><query xmlns='jabber:iq:version'/></iq>");
  t.is((await juliet.next('iq')).attrs['type'], 'error');
});
