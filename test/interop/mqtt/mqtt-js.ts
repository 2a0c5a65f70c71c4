import { readFileSync } from 'node:fs';
import mqtt from 'mqtt';
import { ADDRESS, DOMAIN, type Server } from '../server.ts';
import { account, DIFFICULT, type Scene, type Transcript } from '../transcript.ts';
import { Conversation, type Talk } from './conversation.ts';

/** MQTT.js 5 in Node: versions 3.1, 3.1.1 and 5 over TCP, TLS and WebSocket. */
export const mqttJs: Transcript = {
  name: 'mqtt-js',
  protocol: 'mqtt',
  missing: () => undefined,
  play,
};

/** The ways of a connection, by name: a URL and the options that go with it. */
function waysOf({
  ports,
  certificate,
}: Server): readonly (readonly [string, Pick<Talk, 'url' | 'options' | 'version'>])[] {
  const ca = readFileSync(certificate);
  const tls = { ca, servername: DOMAIN };
  return [
    ['3.1 over TCP', { url: `mqtt://${ADDRESS}:${ports.mqtt}`, options: {}, version: 3 }],
    ['3.1.1 over TCP', { url: `mqtt://${ADDRESS}:${ports.mqtt}`, options: {}, version: 4 }],
    ['5 over TCP', { url: `mqtt://${ADDRESS}:${ports.mqtt}`, options: {}, version: 5 }],
    ['3.1.1 over TLS', { url: `mqtts://${ADDRESS}:${ports.mqtts}`, options: tls, version: 4 }],
    ['5 over TLS', { url: `mqtts://${ADDRESS}:${ports.mqtts}`, options: tls, version: 5 }],
    ['3.1.1 over WebSocket', { url: `ws://${ADDRESS}:${ports.ws}/mqtt`, options: {}, version: 4 }],
    ['5 over WebSocket', { url: `ws://${ADDRESS}:${ports.ws}/mqtt`, options: {}, version: 5 }],
    [
      '5 over WebSocket and TLS',
      { url: `wss://${ADDRESS}:${ports.wss}/mqtt`, options: { wsOptions: tls }, version: 5 },
    ],
  ];
}

async function play({ server, checks }: Scene): Promise<void> {
  const { user, password } = account('mqtt-js', 'juliet');
  await server.register(user, password);
  for (const [index, [way, connection]] of waysOf(server).entries()) {
    const talk = { ...connection, user, password, name: `js${index}`, difficult: DIFFICULT };
    const conversation = new Conversation(mqtt.connect, talk, (what, problem) =>
      checks.tell(`${way}: ${what}`, problem === undefined, problem),
    );
    await conversation.play();
  }
}
