import test from 'ava';
import fc from 'fast-check';
import { jidFromTopic, localFromTopic, topicFromLocal, topicLevel } from '#src/address/topic.ts';
import { Jid } from '#src/address/jid.ts';

for (const [topic, local] of [
  ['kitchen/temp', String.raw`kitchen\2ftemp`],
  ['Kitchen/Temp', String.raw`%4bitchen\2f%54emp`],
  ['home/+/#', String.raw`home\2f+\2f#`],
  ['100%', '100%25'],
  ['a b', String.raw`a\20b`],
  [String.raw`a\2fb`, String.raw`a\5c2fb`],
  ['tschüss', 'tsch%c3%bcss'],
] as const) {
  test(`the topic ${topic} has the localpart ${local}`, (t) => {
    t.is(localFromTopic(topic), local);
    t.is(topicFromLocal(local), topic);
  });
}

test('any topic comes back from its localpart', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 }), (topic) => {
      const local = localFromTopic(topic);
      if (local !== undefined) t.is(topicFromLocal(Jid.make(local, 'mqtt.example')?.local ?? ''), topic);
    }),
  );
});

test('an address as one level of a topic comes back, with a plain slash, too', (t) => {
  t.is(topicLevel('juliet@example.org/balcony'), 'juliet@example.org%2Fbalcony');
  t.is(topicLevel('$a+b#c%d'), '%24a%2Bb%23c%25d');
  t.is(jidFromTopic('juliet@example.org%2Fbalcony')?.full, 'juliet@example.org/balcony');
  t.is(jidFromTopic('juliet@example.org/balcony')?.full, 'juliet@example.org/balcony');
  t.is(jidFromTopic('@'), undefined);
});
