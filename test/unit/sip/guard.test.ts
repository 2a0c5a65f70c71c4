/** What a request must pass before anything is done about it. */
import test from 'ava';
import { Guard } from '#protocols/sip/guard.ts';
import { SipRequest } from '#protocols/sip/message/message.ts';

const OPTIONS = { scanners: ['friendly-scanner'], requestRate: 10, requestBurst: 5 };

const request = (agent = 'phone'): SipRequest => SipRequest.make('OPTIONS', 'sip:x', [['User-Agent', agent]]);
const guardOf = (options = OPTIONS, exempt: (ip: string) => boolean = () => false): Guard =>
  new Guard(() => options, exempt);

/** How many of so many requests at one time are admitted. */
const admitted = (guard: Guard, ip: string, count: number, now: number): number =>
  Array.from({ length: count }, () => guard.judge(request(), ip, now)).filter((one) => one === 'admitted').length;

test('scanners are known by their name, in whatever case', (t) => {
  const guard = guardOf();
  t.is(guard.judge(request('Friendly-Scanner/1.0'), '192.0.2.1', 0), 'scanner');
  t.is(guard.judge(request('a friendly phone'), '192.0.2.1', 0), 'admitted');
  t.is(guard.judge(SipRequest.make('OPTIONS', 'sip:x', []), '192.0.2.1', 0), 'admitted');
  t.is(guard.counters.scanner, 1);
});

test('an address has its burst, and then its rate', (t) => {
  const guard = guardOf();
  t.is(admitted(guard, '192.0.2.1', 10, 0), 5);
  t.is(admitted(guard, '192.0.2.1', 10, 300), 3);
  t.is(admitted(guard, '192.0.2.2', 10, 300), 5);
  t.is(guard.counters.flood, 17);
});

test('the addresses of one IPv6 network share theirs', (t) => {
  const guard = guardOf();
  t.is(admitted(guard, '2001:db8::1', 3, 0) + admitted(guard, '2001:db8::2', 10, 0), 5);
  t.is(admitted(guard, '2001:db8:0:1::1', 10, 0), 5);
});

test('who has proved to be somebody may send more', (t) => {
  const guard = guardOf();
  guard.proved('192.0.2.1', 0);
  t.is(admitted(guard, '192.0.2.1', 200, 0), 100);
});

test('nobody is limited where there is no rate, nor who is exempt', (t) => {
  t.is(admitted(guardOf({ ...OPTIONS, requestRate: 0 }), '192.0.2.1', 50, 0), 50);
  t.is(
    admitted(
      guardOf(OPTIONS, (ip) => ip === '192.0.2.1'),
      '192.0.2.1',
      50,
      0,
    ),
    50,
  );
});
