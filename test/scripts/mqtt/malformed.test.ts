/** What no client may send, over sockets: the connection ends, with the reason for MQTT 5 [MQTT-4.13.1-1], and nobody else notices. */
import test from 'ava';
import { reasonCodes } from '#protocols/mqtt/packet/reason-codes.ts';
import { MqttTestServer } from '#test/helpers/mqtt.ts';
import { bytes } from '#test/vectors/mqtt/bytes.ts';
import { statementsOf } from '#test/vectors/mqtt/statements.ts';
import { CONNECTS, LIMITS, MALFORMED, type MalformedCase } from '#test/vectors/mqtt/malformed.ts';

const { maxConnectSize, maxPacketSize, maxTopicLevels, topicAliasMaximum } = LIMITS;
const SETTINGS = `
mqtt:
  anonymous: [mqtt]
  max_connect_size: ${maxConnectSize / 1024}KB
  max_packet_size: ${maxPacketSize / 1024}KB
  max_topic_levels: ${maxTopicLevels}
  topic_aliases: ${topicAliasMaximum}
`;

let server: MqttTestServer;
test.before(async () => {
  server = await MqttTestServer.start(SETTINGS);
});
test.after.always(() => server[Symbol.asyncDispose]());

function titleOf({ name, statement, version, first }: MalformedCase): string {
  const names = { 3: '3.1', 4: '3.1.1', 5: '5' };
  return `${names[version]}: [${statementsOf(statement, version).join(', ')}] ${name}${first ? '' : ', after CONNECT'}`;
}

const seen = new Set<string>();
for (const one of MALFORMED) {
  const title = seen.has(titleOf(one)) ? `${titleOf(one)} (${one.bytes})` : titleOf(one);
  seen.add(title);
  test.serial(title, async (t) => {
    const client = await server.dial('mqtt', one.version);
    if (!one.first) {
      client.write(bytes(CONNECTS[one.version]));
      await client.expect('connack');
    }
    client.write(bytes(one.bytes));
    await client.ended();
    const [answer, ...more] = client.received;
    t.deepEqual(more, []);
    const reason = reasonCodes[one.reason];
    if (one.first && answer !== undefined) {
      // Section 4.13: CONNACK tells the reason to who speaks MQTT, in the words of a version that it may know.
      t.is(answer.cmd, 'connack');
      t.like(answer, { sessionPresent: false });
      if (answer.cmd === 'connack' && answer.reasonCode !== 1 && one.version === 5) t.is(answer.reasonCode, reason);
    }
    if (!one.first && one.version < 5) t.is(answer, undefined);
    if (!one.first && one.version === 5) t.is(answer?.cmd === 'disconnect' ? answer.reasonCode : answer?.cmd, reason);
  });
}
