import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '#tools/bench/peers/peer.ts';
import type { Checks } from '../checks.ts';
import { Person } from '../profanity-person.ts';
import { DOMAIN, type Server } from '../server.ts';
import { Sipp } from '../sip/sipp-process.ts';
import { type Account, account, type Scene, type Transcript } from '../transcript.ts';
import { missingClients, mosquittoPub, MosquittoSub, SlixmppPerson } from './clients.ts';

/** People with slixmpp and profanity, devices with mosquitto_pub and mosquitto_sub, phones with sipp: everybody reaches everybody. */
export const threeRoads: Transcript = { name: 'three-roads', protocol: 'sip', missing: missingClients, play };

/** What the scenarios of sipp say and expect. */
const WORDS = 'wherefore art thou';

interface Cast {
  readonly checks: Checks;
  readonly directory: string;
  readonly server: Server;
  readonly juliet: Account;
  readonly romeo: Account;
  readonly door: Account;
}

/** sipp reads its keywords from the command line, so the password is a plain word. */
const person = (name: string): Account => ({ ...account('roads', name), password: `secret-of-${name}` });

async function play({ checks, directory, server }: Scene): Promise<void> {
  const cast = { checks, directory, server, juliet: person('juliet'), romeo: person('romeo'), door: person('door') };
  for (const { password, user } of [cast.juliet, cast.romeo, cast.door]) await server.register(user, password);
  const juliet = await checks.need('slixmpp is online', () => SlixmppPerson.online(server, cast.juliet, 'balcony'));
  await things(cast, juliet);
  await phones(cast, juliet);
  await copies(cast, juliet);
  await blocked(cast, juliet);
  await juliet.leave();
  await absent(cast);
  await contacts(cast);
}

/** A phone that is registered and takes one message, which has to be WORDS. */
async function phone({ directory, server }: Cast, who: Account): Promise<Sipp> {
  const role = { who, transport: 'udp', port: await freePort(), server: server.ports.sip } as const;
  await Sipp.play({ ...role, scenario: 'register' }, directory);
  const sipp = await Sipp.start({ ...role, scenario: 'message-answer' }, directory);
  await listening(role.port);
  return sipp;
}

/** Until the socket is open: it shows its screen before that, and what comes too early is refused by the machine. */
async function listening(port: number): Promise<void> {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  for (let tries = 0; !readFileSync('/proc/net/udp', 'latin1').includes(hex); tries++) {
    if (tries === 100) throw new Error('sipp does not listen');
    await delay(50);
  }
}

async function sends({ directory, server }: Cast, who: Account, to: Account, scenario = 'message'): Promise<void> {
  await Sipp.play({ who, to, scenario, transport: 'udp', port: await freePort(), server: server.ports.sip }, directory);
}

async function forget({ directory, server }: Cast, who: Account): Promise<void> {
  await Sipp.play(
    { who, scenario: 'unregister', transport: 'udp', port: await freePort(), server: server.ports.sip },
    directory,
  );
}

async function things(cast: Cast, juliet: SlixmppPerson): Promise<void> {
  const { checks, directory, door, romeo, server } = cast;
  const pub = (topic: string, payload: string): Promise<string> => mosquittoPub(server, door, 'front', topic, payload);
  await checks.step('mosquitto_pub to slixmpp', async () => {
    assert.match(
      await pub(`xmpp/send/${cast.juliet.jid}`, 'somebody is at the door'),
      /received PUBACK \(Mid: 1, RC:0\)/,
    );
    const { kind, sender } = await juliet.hear('somebody is at the door');
    assert.deepEqual([kind, sender], ['chat', `${door.jid}/front`]);
  });
  await checks.step('mosquitto_pub to profanity', async () => {
    const reader = await Person.sit(directory, romeo, 'orchard');
    await reader.connect(server.ports, 'STARTTLS');
    await reader.terminal.see('/tls allow').then(
      () => reader.terminal.type('/tls allow'),
      () => undefined,
    );
    await reader.online();
    await pub(`xmpp/send/${romeo.jid}`, JSON.stringify({ body: 'the gate is open', subject: 'Gate' }));
    await reader.hear(`${door.jid}/front`, 'the gate is open');
    await reader.say('close it');
    await leave(reader);
  });
  const inbox = await checks.need('mosquitto_sub on xmpp/inbox gets what waited for it', async () => {
    const sub = await MosquittoSub.listen(server, door, 'back', ['xmpp/inbox']);
    juliet.say(door.jid, 'who is it?');
    await sub.hear('xmpp/inbox', 'who is it?');
    return sub;
  });
  await checks.step('slixmpp to mosquitto_sub', async () => {
    juliet.say(`${door.jid}/back`, 'open the gate');
    const { payload } = await inbox.hear('xmpp/inbox', 'open the gate');
    const message = JSON.parse(payload) as Readonly<Record<string, unknown>>;
    assert.equal(message['from'], `${cast.juliet.jid}/balcony`);
    assert.equal(message['body'], 'open the gate');
    assert.equal(message['receipt'], true);
  });
  await checks.step('a phone (sipp) to mosquitto_sub', async () => {
    await sends(cast, romeo, door);
    const { payload } = await inbox.hear('xmpp/inbox', WORDS);
    assert.match(payload, new RegExp(`"from":"${romeo.jid}`));
  });
  await inbox.stop();
}

async function phones(cast: Cast, juliet: SlixmppPerson): Promise<void> {
  const { checks, door, romeo, server } = cast;
  await checks.step('slixmpp to a phone (sipp), and the receipt that it has the message', async () => {
    const handset = await phone(cast, romeo);
    juliet.say(romeo.jid, WORDS);
    await handset.done();
    await juliet.events.take(
      'a receipt',
      ({ event, sender }) => event === 'receipt' && sender?.startsWith(`${romeo.jid}/sip-`) === true,
    );
  });
  await forget(cast, romeo);
  await checks.step('mosquitto_pub to a phone (sipp)', async () => {
    const handset = await phone(cast, romeo);
    await mosquittoPub(server, door, 'front', `xmpp/send/${romeo.jid}`, WORDS);
    await handset.done();
  });
  await forget(cast, romeo);
  await checks.step('a phone (sipp) to slixmpp', async () => {
    await sends(cast, romeo, cast.juliet);
    const { kind, sender } = await juliet.hear(WORDS);
    assert.deepEqual([kind, sender], ['chat', romeo.jid]);
  });
}

async function copies(cast: Cast, juliet: SlixmppPerson): Promise<void> {
  const { checks, romeo, server } = cast;
  await checks.step('copies reach all kinds of devices: slixmpp, mosquitto_sub and a phone', async () => {
    const tablet = await SlixmppPerson.online(server, cast.juliet, 'tablet');
    const clock = await MosquittoSub.listen(server, cast.juliet, 'clock', ['xmpp/inbox', 'xmpp/sent']);
    const handset = await phone(cast, cast.juliet);
    const other = await SlixmppPerson.online(server, romeo, 'orchard');
    other.say(`${cast.juliet.jid}/balcony`, WORDS);
    await juliet.hear(WORDS);
    await tablet.events.take('the copy', ({ body, event }) => event === 'carbon' && body?.trim() === WORDS);
    await clock.hear('xmpp/inbox', WORDS);
    await handset.done();
    await forget(cast, cast.juliet);
    juliet.say(romeo.jid, 'by whose direction?');
    await other.hear('by whose direction?');
    await tablet.events.take('the copy', ({ body, event }) => event === 'carbon' && body === 'by whose direction?');
    await clock.hear('xmpp/sent', 'by whose direction?');
    for (const one of [tablet, other]) await one.leave();
    await clock.stop();
  });
}

async function blocked(cast: Cast, juliet: SlixmppPerson): Promise<void> {
  const { checks, door, romeo, server } = cast;
  await checks.step('a blocked sender reaches none of them by any protocol', async () => {
    const clock = await MosquittoSub.listen(server, cast.juliet, 'clock', ['xmpp/inbox']);
    await juliet.told('blocked', { do: 'block', jid: door.jid });
    await juliet.told('blocked', { do: 'block', jid: romeo.jid });
    const said = await mosquittoPub(server, door, 'front', `xmpp/send/${cast.juliet.jid}`, 'let me in');
    assert.match(said, /RC:135|Not authorized|RC:0x87/i);
    await sends(cast, romeo, cast.juliet, 'message-forbidden');
    const other = await SlixmppPerson.online(server, romeo, 'orchard');
    other.say(cast.juliet.jid, 'let me in');
    await other.events.take('an error', ({ event, kind }) => event === 'message' && kind === 'error');
    await other.leave();
    await juliet.told('pong', { do: 'ping' });
    assert.equal(
      juliet.events.has(({ body }) => body === 'let me in'),
      false,
    );
    assert.equal(
      clock.messages.has(({ payload }) => payload.includes('let me in')),
      false,
    );
    for (const jid of [door.jid, romeo.jid]) await juliet.told('unblocked', { do: 'unblock', jid });
    await clock.stop();
  });
}

async function absent(cast: Cast): Promise<void> {
  const { checks, door, romeo, server } = cast;
  await checks.step('who is away gets it later, once: from a device and from a phone', async () => {
    await mosquittoPub(server, door, 'front', `xmpp/send/${cast.juliet.jid}`, 'while you were out');
    await sends(cast, romeo, cast.juliet, 'message-stored');
    const back = await SlixmppPerson.online(server, cast.juliet, 'balcony');
    await back.hear('while you were out');
    await back.hear(WORDS);
    await back.leave();
    const again = await SlixmppPerson.online(server, cast.juliet, 'balcony');
    await again.told('pong', { do: 'ping' });
    assert.equal(
      again.events.has(({ event }) => event === 'message'),
      false,
    );
    await again.leave();
  });
  await checks.step('a device with a session gets it when it is back, once', async () => {
    const session = ['-c', '-x', '3600'];
    await (await MosquittoSub.listen(server, cast.juliet, 'clock', ['xmpp/inbox'], session)).stop();
    await mosquittoPub(server, door, 'front', `xmpp/send/${cast.juliet.jid}%2Fclock`, 'for the clock');
    const clock = await MosquittoSub.listen(server, cast.juliet, 'clock', ['xmpp/inbox'], session);
    await clock.hear('xmpp/inbox', 'for the clock');
    await mosquittoPub(server, door, 'front', `xmpp/send/${cast.juliet.jid}%2Fclock`, 'the last');
    await clock.hear('xmpp/inbox', 'the last');
    assert.equal(
      clock.messages.has(({ payload }) => payload.includes('for the clock')),
      false,
    );
    await clock.stop();
  });
}

async function contacts(cast: Cast): Promise<void> {
  const { checks, directory, door, juliet, server } = cast;
  const topic = String.raw`kitchen\2ftemp@mqtt.` + DOMAIN;
  const pub = (payload: string): Promise<string> =>
    mosquittoPub(server, door, 'sensor', 'kitchen/temp', payload, ['-r']);
  await pub('20.5');
  const reader = await Person.sit(directory, juliet, 'desk');
  await checks.need('profanity is online', async () => {
    await reader.connect(server.ports, 'STARTTLS');
    await reader.terminal.type('/tls allow');
    await reader.online();
  });
  await checks.step('profanity adds a topic as a contact, and sees its value', async () => {
    await reader.command(`/roster add ${topic} Kitchen`, `/sub request ${topic}`);
    await reader.see('++ Kitchen (mqtt) is online, "20.5"');
  });
  await checks.step('a new value comes as a message', async () => {
    await pub('21.5');
    await reader.hear('Kitchen/mqtt', '21.5');
  });
  await checks.step('what is written to it is published', async () => {
    const lamp = await MosquittoSub.listen(server, door, 'lamp', ['kitchen/temp'], ['-R']);
    await reader.say('25');
    await lamp.hear('kitchen/temp', '25');
    await lamp.stop();
  });
  await leave(reader);
}

/** Says good-bye: a session that is only lost would wait to be resumed. */
async function leave(reader: Person): Promise<void> {
  await reader.command('/disconnect');
  await reader.terminal.see(/logged out successfully|Disconnected/);
  await reader.terminal.type('/quit');
  await reader.terminal.close();
}
