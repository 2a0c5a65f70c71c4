import test from 'ava';
import { Remap, type TopicRule } from '#protocols/mqtt/uplink/remap.ts';
import type { QoS } from '#protocols/mqtt/packet/types.ts';

type Line = readonly [filter: string, direction: TopicRule['direction'], qos: QoS, local: string, remote: string];

const rules = (...lines: readonly Line[]): Remap =>
  new Remap(
    lines.map(([filter, direction, qos, localPrefix, remotePrefix]) => ({
      filter,
      direction,
      qos,
      localPrefix,
      remotePrefix,
    })),
  );

/** Where a topic goes, and at which QoS at most; `stays` is what no line is about. */
const cases: readonly (readonly [
  what: string,
  lines: readonly Line[],
  out: Readonly<Record<string, string>>,
  inward: Readonly<Record<string, string>>,
])[] = [
  ['no prefix', [['a/#', 'both', 1, '', '']], { 'a/b': 'a/b 1', a: 'a 1', b: 'stays' }, { 'a/b': 'a/b 1', b: 'stays' }],
  [
    'out only',
    [['#', 'out', 0, '', 'site/1/']],
    { 'a/b': 'site/1/a/b 0', $SYS: 'stays', '$SYS/uptime': 'stays' },
    { 'site/1/a/b': 'stays' },
  ],
  [
    'in only',
    [['cmd/+', 'in', 2, 'cloud/', 'site/1/']],
    { 'cloud/cmd/x': 'stays' },
    { 'site/1/cmd/x': 'cloud/cmd/x 2', 'site/1/cmd/x/y': 'stays', 'site/2/cmd/x': 'stays', 'cmd/x': 'stays' },
  ],
  [
    'both prefixes, as the manual of mosquitto has them: topic # both 2 local/topic/ remote/topic/',
    [['#', 'both', 2, 'local/topic/', 'remote/topic/']],
    { 'local/topic/x': 'remote/topic/x 2', 'local/topic': 'stays', 'local/topicx': 'stays' },
    { 'remote/topic/x/y': 'local/topic/x/y 2', 'remote/x': 'stays' },
  ],
  [
    'an empty filter: the prefixes are whole topics',
    [['', 'both', 1, 'here', 'there/it']],
    { here: 'there/it 1', 'here/x': 'stays' },
    { 'there/it': 'here 1', there: 'stays' },
  ],
  [
    'a wildcard in the middle',
    [['+/temperature', 'out', 1, 'sensors/', 't/']],
    {
      'sensors/1/temperature': 't/1/temperature 1',
      'sensors/1/2/temperature': 'stays',
      'sensors//temperature': 't//temperature 1',
    },
    {},
  ],
  [
    'the first line that fits decides',
    [
      ['secret/#', 'out', 1, '', 'vault/'],
      ['#', 'out', 0, '', ''],
    ],
    { 'secret/x': 'vault/secret/x 1', 'other/x': 'other/x 0' },
    {},
  ],
  [
    'topics that begin with $ only where a line says so',
    [
      ['$SYS/#', 'in', 0, 'other/', ''],
      ['+/x', 'in', 0, '', ''],
    ],
    {},
    { '$SYS/uptime': 'other/$SYS/uptime 0', '$other/x': 'stays', 'y/x': 'y/x 0' },
  ],
  [
    'a shared subscription there',
    [['$share/us/jobs/#', 'in', 1, 'work/', '']],
    {},
    { 'jobs/1': 'work/jobs/1 1', '$share/us/jobs/1': 'stays' },
  ],
  ['a shared subscription with a prefix', [['jobs/#', 'in', 1, '', '$share/us/']], {}, { 'jobs/1': 'jobs/1 1' }],
  ['a topic of which nothing is left', [['#', 'out', 1, 'a/', '']], { 'a/': 'stays', 'a//': '/ 1', 'a/b': 'b 1' }, {}],
];

for (const [what, lines, out, inward] of cases) {
  test(what, (t) => {
    const remap = rules(...lines);
    const shown = (mapped: ReturnType<Remap['inward']>): string =>
      mapped === undefined ? 'stays' : `${mapped.topic} ${mapped.qos}`;
    for (const [topic, expected] of Object.entries(out)) t.is(shown(remap.outward(topic)), expected, `out ${topic}`);
    for (const [topic, expected] of Object.entries(inward)) t.is(shown(remap.inward(topic)), expected, `in ${topic}`);
  });
}

test('each filter is subscribed to once, at the highest QoS', (t) => {
  const remap = rules(['a/#', 'both', 0, 'l/', 'r/'], ['a/#', 'in', 2, 'other/', 'r/'], ['b', 'out', 1, '', '']);
  t.deepEqual(remap.remote, [{ filter: 'r/a/#', qos: 2 }]);
  t.deepEqual(remap.local, [
    { filter: 'l/a/#', qos: 0 },
    { filter: 'b', qos: 1 },
  ]);
});
