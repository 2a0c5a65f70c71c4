import test from 'ava';
import { isShared, topicFilterFault, topicNameFault } from '#protocols/mqtt/packet/topic.ts';

// Examples of MQTT 5 sections 4.7 and 4.8.2, and their neighbours.
const NAMES = ['a', '/', '//', 'sport/tennis/player1', 'ACCOUNTS', 'Accounts payable', '/finance', '$SYS/x', 'ä', ' '];
const NO_NAMES = ['', '#', '+', 'sport/#', 'sport/+/player1', 'a\u0000', '\u0000', 'a+b'];
const FILTERS = [
  '#',
  '+',
  '/',
  '/+',
  '+/+',
  'sport/tennis/player1/#',
  'sport/#',
  '+/tennis/#',
  'sport/+/player1',
  '+/',
  '//#',
];
const SHARED = ['$share/consumer1/sport/tennis/+', '$share/g//', '$share/g/#', '$share/ä/a'];
const NO_FILTERS = [
  '',
  'sport/tennis#',
  'sport/tennis/#/ranking',
  'sport+',
  '+#',
  '##',
  '#+',
  '++',
  '+a',
  'a/b\u0000',
  '/#/',
];
const NOT_SHARED = [
  '$share/',
  '$share//a',
  '$share/g',
  '$share/g/',
  '$share/+/a',
  '$share/g#/a',
  '$share/g/a#',
  '$share/a\u0000/b',
];

test('topic names', (t) => {
  for (const name of NAMES) t.is(topicNameFault(name), undefined, name);
  for (const name of NO_NAMES) t.is(typeof topicNameFault(name), 'string', name);
});

test('topic filters', (t) => {
  for (const filter of [...NAMES, ...FILTERS, ...SHARED]) t.is(topicFilterFault(filter), undefined, filter);
  for (const filter of [...NO_FILTERS, ...NOT_SHARED]) t.is(typeof topicFilterFault(filter), 'string', filter);
});

test('filters that only begin like shared ones', (t) => {
  for (const filter of ['$share', '$shared/a/b', '/$share/a/b', '$SHARE/a/b']) {
    t.false(isShared(filter), filter);
    t.is(topicFilterFault(filter), undefined, filter);
  }
  for (const filter of SHARED) t.true(isShared(filter), filter);
});

test('levels are counted from the filter of a shared subscription on', (t) => {
  t.is(topicNameFault('a/b/c', 3), undefined);
  t.is(topicNameFault('a/b/c/', 3), 'a topic name of more than 3 levels');
  t.is(topicFilterFault('$share/g/a/b/c', 3), undefined);
  t.is(topicFilterFault('$share/g/a/b/c/#', 3), 'a topic filter of more than 3 levels');
});

test('a topic has 65,535 bytes at most', (t) => {
  t.is(topicNameFault('a'.repeat(65_535)), undefined);
  t.is(typeof topicNameFault('a'.repeat(65_536)), 'string');
  t.is(topicFilterFault('€'.repeat(21_845)), undefined);
  t.is(typeof topicFilterFault('€'.repeat(21_846)), 'string');
});
