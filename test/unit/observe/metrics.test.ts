/** What a Prometheus scrape and a probe see. */
import test from 'ava';
import { Health } from '#src/observe/health.ts';
import { Metrics } from '#src/observe/metrics.ts';
import { TraceIds, TraceRing } from '#src/observe/trace.ts';

async function lines(metrics: Metrics): Promise<readonly string[]> {
  return (await metrics.render()).split('\n').filter((line) => line !== '');
}

test('counters, families, gauges and histograms in the text format', async (t) => {
  const metrics = new Metrics();
  const logins = metrics.counter('trivium_logins_total', 'Logins.');
  const stanzas = metrics.counters('trivium_stanzas_total', 'Stanzas.', ['kind', 'direction']);
  let sessions = 1;
  metrics.gauge('trivium_sessions', 'Sessions.', () => sessions);
  metrics.gauges('trivium_queue_bytes', 'Queues.', ['protocol'], () => [[['xmpp'], 5]]);
  const latency = metrics.histogram('trivium_route_seconds', 'Routing.', [0.001, 0.1]);
  logins.value += 2;
  stanzas.of('message', 'in').value++;
  stanzas.of('message', 'in').value++;
  sessions = 3;
  for (const value of [0.0005, 0.001, 0.05, 7]) latency.observe(value);
  t.deepEqual(await lines(metrics), [
    '# HELP trivium_logins_total Logins.',
    '# TYPE trivium_logins_total counter',
    'trivium_logins_total 2',
    '# HELP trivium_stanzas_total Stanzas.',
    '# TYPE trivium_stanzas_total counter',
    'trivium_stanzas_total{kind="message",direction="in"} 2',
    '# HELP trivium_sessions Sessions.',
    '# TYPE trivium_sessions gauge',
    'trivium_sessions 3',
    '# HELP trivium_queue_bytes Queues.',
    '# TYPE trivium_queue_bytes gauge',
    'trivium_queue_bytes{protocol="xmpp"} 5',
    '# HELP trivium_route_seconds Routing.',
    '# TYPE trivium_route_seconds histogram',
    'trivium_route_seconds_bucket{le="0.001"} 2',
    'trivium_route_seconds_bucket{le="0.1"} 3',
    'trivium_route_seconds_bucket{le="+Inf"} 4',
    'trivium_route_seconds_sum 7.0515',
    'trivium_route_seconds_count 4',
  ]);
  t.regex(metrics.contentType, /^text\/plain; version=0\.0\.4/);
});

test('counts that another part keeps are read at the scrape', async (t) => {
  const metrics = new Metrics();
  const counters = { accepted: 0, refused: { limit: 1, ban: 2 } };
  metrics.counted('a_total', 'A.', () => counters.accepted);
  metrics.countedBy('r_total', 'R.', ['reason'], () =>
    Object.entries(counters.refused).map(([name, n]) => [[name], n]),
  );
  counters.accepted = 5;
  t.deepEqual(
    (await lines(metrics)).filter((line) => !line.startsWith('# HELP')),
    [
      '# TYPE a_total counter',
      'a_total 5',
      '# TYPE r_total counter',
      'r_total{reason="limit"} 1',
      'r_total{reason="ban"} 2',
    ],
  );
});

test('a metric is declared once, under a proper name', (t) => {
  const metrics = new Metrics();
  metrics.counter('a_total', 'A.');
  t.throws(() => metrics.counter('a_total', 'A.'));
  t.throws(() => metrics.counter('b', 'B.'), { message: 'b: counters, and only they, end in _total' });
  t.throws(() => metrics.gauge('c d', 'C.', () => 0), { message: 'bad metric name c d' });
  t.throws(() => metrics.histogram('e', 'E.', [2, 1]), { message: 'buckets must rise' });
});

test('label values are escaped, and too many of them become "other"', async (t) => {
  const metrics = new Metrics();
  const family = metrics.counters('x_total', 'X.', ['name']);
  family.of('a"\n\\').value++;
  for (let index = 0; index < 5000; index++) family.of(`n${index}`).value++;
  const text = await lines(metrics);
  t.true(text.includes('x_total{name="a\\"\\n\\\\"} 1'));
  t.true(text.includes('x_total{name="other"} 4001'));
  t.is(text.length, 2 + 1001);
});

test('runtime metrics tell CPU, memory and event loop delay', async (t) => {
  const text = await new Metrics({ runtime: true }).render();
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'nodejs_eventloop_lag_p99_seconds',
    'nodejs_heap_size_used_bytes',
  ]) {
    t.regex(text, new RegExp(`^${name} `, 'm'));
  }
});

test('health is the sum of its checks; ready also asks for the phase', async (t) => {
  const health = new Health();
  t.deepEqual(await health.health(), { ok: true, checks: {} });
  t.deepEqual(await health.ready(), { ok: false, checks: { phase: 'starting' } });
  health.phase = 'running';
  const store = health.add('store', () => 'the disk is full');
  health.add('net', async () => undefined);
  health.add('accounts', () => Promise.reject(new Error('no answer from LDAP')));
  t.deepEqual(await health.health(), {
    ok: false,
    checks: { store: 'the disk is full', net: 'ok', accounts: 'no answer from LDAP' },
  });
  t.false((await health.ready()).ok);
  t.throws(() => health.add('net', () => undefined), { message: 'two health checks are named net' });
  store[Symbol.dispose]();
  t.deepEqual((await health.ready()).checks, { phase: 'ok', net: 'ok', accounts: 'no answer from LDAP' });
  health.phase = 'stopping';
  t.is((await health.ready()).checks['phase'], 'stopping');
});

test('trace ids are distinct, and the ring keeps the latest hops in order', (t) => {
  const ids = new TraceIds();
  const made = Array.from({ length: 2000 }, () => ids.next());
  t.is(new Set(made).size, 2000);
  t.true(made.every((id) => /^[0-9a-f]{16}$/.test(id)));
  const ring = new TraceRing(3);
  for (const [trace, event] of [
    ['a', '1'],
    ['b', '2'],
    ['a', '3'],
    ['a', '4'],
  ] as const)
    ring.add(trace, 'router', event, 0);
  t.deepEqual(
    ring.of('a').map(({ event }) => event),
    ['3', '4'],
  );
  t.deepEqual(
    ring.of('b').map(({ event }) => event),
    ['2'],
  );
  t.throws(() => new TraceRing(0), { instanceOf: RangeError });
});
