/** A topic as a contact, as an unmodified XMPP client uses it. */
import test from 'ava';
import { BridgeStage, type Person } from './stage.ts';

const TEMP = String.raw`kitchen\2ftemp@mqtt.localhost`;

async function add(person: Person, jid: string): Promise<void> {
  person.say(`<presence type='subscribe' to='${jid}'/>`);
  for (;;) {
    const answer = await person.next('presence');
    if (answer.attrs['type'] === 'subscribed') return;
    if (answer.attrs['type'] === 'unsubscribed') throw new Error('refused');
  }
}

const settings = 'mqtt_xmpp: { contact_interval: 1s }\n';

test('a topic is added, its values come as messages, its retained value is its status', async (t) => {
  await using stage = await BridgeStage.open(['juliet', 'sensor'], settings);
  const sensor = await stage.thing('sensor', 'kitchen');
  await sensor.client.publish('kitchen/temp', '20.5', { qos: 1, retain: true });
  const juliet = await stage.person('juliet');
  await add(juliet, TEMP);
  const shown = await juliet.next('presence');
  t.is(shown.attrs['from'], `${TEMP}/mqtt`);
  t.is(shown.getChildText('status'), '20.5');
  await sensor.client.publish('kitchen/temp', '21', { qos: 1, retain: true });
  const message = await juliet.next();
  t.like(message.attrs, { from: `${TEMP}/mqtt`, type: 'chat' });
  t.is(message.getChildText('body'), '21');
  t.is((await juliet.next('presence')).getChildText('status'), '21');
});

test('a fast topic is summed up', async (t) => {
  await using stage = await BridgeStage.open(['juliet', 'sensor'], settings);
  const sensor = await stage.thing('sensor', 'kitchen');
  const juliet = await stage.person('juliet');
  await add(juliet, TEMP);
  for (const payload of ['1', '9', '5', '7']) {
    sensor.client.send({ cmd: 'publish', topic: 'kitchen/temp', payload, qos: 0, dup: false, retain: false });
  }
  t.is((await juliet.next()).getChildText('body'), '1');
  t.is((await juliet.next()).getChildText('body'), '7 (last of 3 values, 5 to 9)');
});

test('what is written to a topic is published, and comes back to nobody as a message', async (t) => {
  await using stage = await BridgeStage.open(['juliet', 'romeo', 'lamp'], settings);
  const lamp = await stage.thing('lamp', 'hall');
  await lamp.listen('kitchen/temp');
  const juliet = await stage.person('juliet');
  const romeo = await stage.person('romeo');
  await add(juliet, TEMP);
  await add(romeo, TEMP);
  juliet.say(`<message to='${TEMP}' id='w1' type='chat'><body>25</body><request xmlns='urn:xmpp:receipts'/></message>`);
  const heard = await lamp.hear();
  t.is(heard.text, '25');
  t.like(heard.packet.properties?.userProperties, { from: 'juliet@localhost' });
  t.is((await juliet.next()).getChild('received', 'urn:xmpp:receipts')?.attrs['id'], 'w1');
  t.deepEqual(
    (await romeo.quiet()).filter((text) => text.startsWith('<message')),
    [],
  );
  // What things say still comes to both.
  const other = await stage.thing('lamp', 'attic');
  await other.client.publish('kitchen/temp', 'on', { qos: 1 });
  t.is((await juliet.next()).getChildText('body'), 'on');
  t.is((await romeo.next()).getChildText('body'), 'on');
});

test('the access list of MQTT holds for people', async (t) => {
  const acl =
    'mqtt: { acl: [{ who: juliet, filter: "kitchen/#", action: subscribe }, { filter: "#", allow: false }] }\n';
  await using stage = await BridgeStage.open(['juliet', 'romeo'], acl);
  const juliet = await stage.person('juliet');
  await add(juliet, TEMP);
  juliet.say(`<message to='${TEMP}' id='w1' type='chat'><body>25</body></message>`);
  t.truthy((await juliet.next()).getChild('error')?.getChild('forbidden'));
  const romeo = await stage.person('romeo');
  await t.throwsAsync(add(romeo, TEMP), { message: 'refused' });
});

test('a filter with wildcards tells the topics, and can only be read', async (t) => {
  await using stage = await BridgeStage.open(['juliet', 'sensor'], settings);
  const sensor = await stage.thing('sensor', 'kitchen');
  await sensor.client.publish('home/a/temp', '1', { qos: 1, retain: true });
  const juliet = await stage.person('juliet');
  const wild = String.raw`home\2f+\2ftemp@mqtt.localhost`;
  await add(juliet, wild);
  t.is((await juliet.next('presence')).getChildText('status'), '1 topic');
  await sensor.client.publish('home/b/temp', '2', { qos: 1 });
  t.is((await juliet.next()).getChildText('body'), 'home/b/temp: 2');
  juliet.say(`<message to='${wild}' id='w1' type='chat'><body>25</body></message>`);
  t.truthy((await juliet.next()).getChild('error')?.getChild('not-allowed'));
});

test('who was away is told what came, and contacts outlive a restart', async (t) => {
  await using stage = await BridgeStage.open(['juliet', 'sensor'], settings);
  const first = await stage.person('juliet');
  await add(first, TEMP);
  first.say("<presence type='unavailable'/>");
  await first.quiet();
  first.leave();
  await stage.restart();
  const sensor = await stage.thing('sensor', 'kitchen');
  await sensor.client.publish('kitchen/temp', '3', { qos: 1, retain: true });
  await sensor.client.publish('kitchen/temp', '4', { qos: 1, retain: true });
  const juliet = await stage.person('juliet', 'desk', '');
  juliet.say('<presence/>');
  t.is((await juliet.next()).getChildText('body'), 'While you were away:\n4 (last of 2 values, 3 to 4)');
});

test('a topic is taken out of the roster', async (t) => {
  await using stage = await BridgeStage.open(['juliet', 'sensor'], settings);
  const sensor = await stage.thing('sensor', 'kitchen');
  const juliet = await stage.person('juliet');
  await add(juliet, TEMP);
  juliet.say(
    `<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='${TEMP}' subscription='remove'/></query></iq>`,
  );
  await juliet.next('iq');
  await sensor.client.publish('kitchen/temp', '3', { qos: 1 });
  t.deepEqual(
    (await juliet.quiet()).filter((text) => text.startsWith('<message')),
    [],
  );
});

test('topics are found and named', async (t) => {
  await using stage = await BridgeStage.open(['juliet', 'sensor'], settings);
  const sensor = await stage.thing('sensor', 'kitchen');
  await sensor.client.publish('Home/Bad', '1', { qos: 1, retain: true });
  const juliet = await stage.person('juliet');
  const ask = async (to: string, query: string, type = 'get') => {
    juliet.say(`<iq type='${type}' id='q' to='${to}'>${query}</iq>`);
    return juliet.next('iq');
  };
  const host = await ask('localhost', "<query xmlns='http://jabber.org/protocol/disco#items'/>");
  t.regex(String(host), /jid="mqtt\.localhost"/);
  const service = await ask('mqtt.localhost', "<query xmlns='http://jabber.org/protocol/disco#info'/>");
  t.like(service.getChild('query')?.getChild('identity')?.attrs, { category: 'gateway', type: 'mqtt' });
  const items = await ask('mqtt.localhost', "<query xmlns='http://jabber.org/protocol/disco#items'/>");
  t.like(items.getChild('query')?.getChild('item')?.attrs, {
    jid: String.raw`%48ome\2f%42ad@mqtt.localhost`,
    name: 'Home/Bad',
  });
  const made = await ask('mqtt.localhost', "<query xmlns='jabber:iq:gateway'><prompt>Home/Bad</prompt></query>", 'set');
  t.is(made.getChild('query')?.getChildText('jid'), String.raw`%48ome\2f%42ad@mqtt.localhost`);
  const topic = await ask(TEMP, "<query xmlns='http://jabber.org/protocol/disco#info'/>");
  t.like(topic.getChild('query')?.getChild('identity')?.attrs, {
    category: 'hierarchy',
    type: 'leaf',
    name: 'kitchen/temp',
  });
  t.is((await ask(TEMP, "<query xmlns='jabber:iq:version'/>")).attrs['type'], 'error');
});

test('what is no topic, and what is not for people', async (t) => {
  await using stage = await BridgeStage.open(['juliet']);
  const juliet = await stage.person('juliet');
  for (const [to, condition] of [
    [String.raw`xmpp\2finbox@mqtt.localhost`, 'not-allowed'],
    [String.raw`a+b@mqtt.localhost`, 'item-not-found'],
    ['mqtt.localhost', 'item-not-found'],
  ] as const) {
    juliet.chat(to, 'x');
    t.truthy((await juliet.next()).getChild('error')?.getChild(condition), to);
  }
});
