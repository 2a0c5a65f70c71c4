/** RFC 3261 sections 9, 17.1.3 and 17.2.3: which message belongs to which transaction; what is repeated when; bounds. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { type SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { ServerTransaction } from '#protocols/sip/transaction/server.ts';
import { Transactions, type TransactionOptions } from '#protocols/sip/transaction/transactions.ts';
import { Timers } from '#src/net/timers.ts';
import { HandClock } from '#test/unit/net/hand-clock.ts';
import { request, type RequestText, TestTransports } from './wire.ts';

const TICK = 50;

function layer(options: Partial<TransactionOptions> = {}) {
  const clock = new HandClock();
  const transports = new TestTransports();
  const timers = new Timers(
    (error) => {
      throw error;
    },
    clock,
    TICK,
  );
  const got: ServerTransaction[] = [];
  const acks: SipRequest[] = [];
  const transactions = new Transactions({
    transports,
    timers,
    user: { onRequest: (transaction) => void got.push(transaction), onAck: (ack) => void acks.push(ack) },
    ...options,
  });
  const flow = transports.at('udp', '198.51.100.7');
  return { acks, clock, flow, got, timers, transactions, transports };
}

const silent = { onResponse() {}, onTimeout() {}, onTransportError() {} };

/** When something was sent, in milliseconds. */
function schedule(clock: HandClock, flow: { take(): readonly unknown[] }, until: number): readonly number[] {
  const times: number[] = [];
  for (let at = 0; at <= until; at += TICK) {
    for (const _ of flow.take()) times.push(at);
    clock.pass(TICK, TICK);
  }
  return times;
}

test('INVITE is repeated after T1, doubled each time, until timer B', (t) => {
  const { clock, flow, transactions } = layer();
  transactions.request(request('INVITE'), { flow }, silent);
  t.deepEqual(schedule(clock, flow, 40_000), [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
  t.is(transactions.size, 0);
  t.is(transactions.counters.timeouts, 1);
});

test('other requests are repeated at T2 at most', (t) => {
  const { clock, flow, transactions } = layer();
  transactions.request(request('OPTIONS'), { flow }, silent);
  t.deepEqual(
    schedule(clock, flow, 40_000),
    [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500],
  );
  t.is(transactions.size, 0);
});

test('after a provisional response they are repeated every T2 (section 17.1.2.2)', (t) => {
  const { clock, flow, transactions } = layer();
  const client = transactions.request(request('OPTIONS'), { flow }, silent);
  transactions.onResponse(SipResponse.to(client.request, 100));
  t.deepEqual(schedule(clock, flow, 14_000), [0, 500, 4500, 8500, 12_500]);
});

test('a final response other than 2xx to INVITE is repeated until the ACK', (t) => {
  const { clock, flow, got, transactions } = layer();
  transactions.onRequest(request('INVITE'), flow);
  got[0]?.respond(SipResponse.to(got[0].request, 486));
  t.deepEqual(schedule(clock, flow, 12_000), [0, 500, 1500, 3500, 7500, 11_500]);
  transactions.onRequest(request('ACK'), flow);
  t.deepEqual(schedule(clock, flow, 40_000), []);
  t.is(transactions.size, 0);
});

test('a 2xx is not repeated by the transaction, and the INVITE is absorbed for 64*T1', (t) => {
  const { clock, flow, got, transactions } = layer();
  transactions.onRequest(request('INVITE'), flow);
  got[0]?.respond(SipResponse.to(got[0].request, 200));
  t.deepEqual(schedule(clock, flow, 31_000), [0]);
  transactions.onRequest(request('INVITE'), flow);
  t.is(got.length, 1);
  clock.pass(2000, TICK);
  t.is(transactions.size, 0);
});

test('100 goes out when nobody answered an INVITE in 200 ms', (t) => {
  const { clock, flow, transactions } = layer();
  transactions.onRequest(request('INVITE'), flow);
  t.deepEqual(schedule(clock, flow, 10_000), [200]);
});

const OTHERS: readonly (readonly [what: string, text: RequestText, matches: boolean])[] = [
  ['the same', {}, true],
  ['another branch', { branch: 'z9hG4bKother' }, false],
  ['another sent-by', { via: 'SIP/2.0/UDP 198.51.100.8:5060;branch=z9hG4bKclient1' }, false],
  ['another port in sent-by', { via: 'SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKclient1' }, false],
  ['another Call-ID, the same branch', { callId: 'call-2' }, true],
  ['the cookie in other letters', { via: 'SIP/2.0/UDP 198.51.100.7:5060;branch=Z9HG4BKclient1' }, false],
];
for (const [what, text, matches] of OTHERS) {
  test(`requests match by branch, sent-by and method: ${what}`, (t) => {
    const { flow, got, transactions } = layer();
    transactions.onRequest(request('OPTIONS'), flow);
    transactions.onRequest(request('OPTIONS', undefined, text), flow);
    t.is(got.length, matches ? 1 : 2);
    transactions.onRequest(request('INFO'), flow);
    t.is(got.length, matches ? 2 : 3, 'another method');
  });
}

const OLD = { via: 'SIP/2.0/UDP 198.51.100.7:5060' };
test('a client of RFC 2543: requests match by URI, tags, Call-ID, CSeq and Via', (t) => {
  const { acks, flow, got, transactions } = layer();
  transactions.onRequest(request('INVITE', undefined, OLD), flow);
  transactions.onRequest(request('INVITE', undefined, OLD), flow);
  t.is(got.length, 1);
  transactions.onRequest(request('INVITE', 'sip:carol@example.org', OLD), flow);
  transactions.onRequest(request('INVITE', undefined, { ...OLD, callId: 'call-2' }), flow);
  t.is(got.length, 3);
  got[0]?.respond(SipResponse.to(got[0].request, 486));
  transactions.onRequest(request('ACK', undefined, { ...OLD, toTag: 'x' }), flow);
  t.is(got[0]?.state, 'confirmed');
  // RFC 6026 section 6: its ACK for a 2xx has no branch of its own, and must reach the user.
  got[1]?.respond(SipResponse.to(got[1].request, 200));
  transactions.onRequest(request('ACK', 'sip:carol@example.org', { ...OLD, toTag: 'x' }), flow);
  t.is(acks.length, 1);
});

test('responses match by branch and the method of CSeq', (t) => {
  const { flow, transactions } = layer();
  const heard: string[] = [];
  const tell = (name: string) => ({
    ...silent,
    onResponse: ({ status }: SipResponse) => void heard.push(`${name} ${status}`),
  });
  const one = transactions.request(request('INVITE'), { flow }, tell('one'));
  const two = transactions.request(request('INVITE'), { flow }, tell('two'));
  t.not(one.request.via?.branch, two.request.via?.branch);
  transactions.onResponse(SipResponse.to(two.request, 180));
  transactions.onResponse(SipResponse.to(two.request.edit().set('CSeq', '1 OPTIONS').done(), 200));
  transactions.onResponse(SipResponse.to(request('INVITE'), 200));
  t.deepEqual(heard, ['two 180']);
  t.is(transactions.counters.strayResponses, 2);
});

test('ACK for a final response: its fields are those of section 17.1.1.3', (t) => {
  const { flow, transactions } = layer();
  const invite = request('INVITE', 'sip:bob@198.51.100.7', {
    fields: [
      ['Route', '<sip:one;lr>'],
      ['Route', '<sip:two;lr>'],
    ],
  });
  const client = transactions.request(invite, { flow }, silent);
  flow.take();
  transactions.onResponse(SipResponse.to(client.request, 486, { tag: 'b1' }));
  const [ack] = flow.take();
  if (ack?.kind !== 'request') return t.fail();
  t.is(ack.method, 'ACK');
  t.is(ack.uri, 'sip:bob@198.51.100.7');
  t.deepEqual(ack.all('Via'), [String(client.request.via)]);
  t.deepEqual(ack.all('Route'), ['<sip:one;lr>', '<sip:two;lr>']);
  t.is(ack.to?.tag, 'b1');
  t.is(ack.from?.tag, 'a1');
  t.is(ack.get('CSeq'), '1 ACK');
  t.is(ack.callId, 'call-1');
});

test('CANCEL is answered as its INVITE is: the same To tag (section 9.2)', (t) => {
  const { flow, got, transactions } = layer();
  transactions.onRequest(request('INVITE'), flow);
  transactions.onRequest(request('CANCEL'), flow);
  const [ok, terminated] = flow.take();
  t.is(ok?.kind === 'response' && ok.status, 200);
  t.is(terminated?.kind === 'response' && terminated.status, 487);
  t.is(ok?.to?.tag, terminated?.to?.tag);
  t.true(got[0]?.answered);
});

test('a request that came by two ways is told from one that is repeated (section 8.2.2.2)', (t) => {
  const { flow, got, transactions } = layer();
  transactions.onRequest(request('MESSAGE'), flow);
  transactions.onRequest(request('MESSAGE', undefined, { branch: 'z9hG4bKother' }), flow);
  transactions.onRequest(request('MESSAGE', undefined, { branch: 'z9hG4bKthird', callId: 'call-2' }), flow);
  transactions.onRequest(request('MESSAGE', undefined, { branch: 'z9hG4bKfourth', toTag: 'b' }), flow);
  t.deepEqual(
    got.map((transaction) => transactions.isMerged(transaction)),
    [false, true, false, false],
  );
});

test('too many transactions: 503 with Retry-After, and CANCEL still counts', (t) => {
  const { flow, got, transactions } = layer({ limit: 2 });
  for (const branch of ['z9hG4bK1', 'z9hG4bK2', 'z9hG4bK3'])
    transactions.onRequest(request('INVITE', undefined, { branch }), flow);
  t.is(got.length, 2);
  const [refused] = flow.take();
  t.is(refused?.kind === 'response' && refused.status, 503);
  t.is(refused?.get('Retry-After'), '10');
  t.is(transactions.counters.refused, 1);
  transactions.onRequest(request('CANCEL', undefined, { branch: 'z9hG4bK1' }), flow);
  t.true(got[0]?.answered);
});

test('a request that cannot be sent: its user hears so, once', async (t) => {
  const { transactions, transports } = layer();
  transports.dead.add('198.51.100.9');
  const heard: string[] = [];
  transactions.request(
    request('OPTIONS'),
    { transport: 'tcp', address: '198.51.100.9', port: 5060 },
    {
      onResponse: () => void heard.push('response'),
      onTimeout: () => void heard.push('timeout'),
      onTransportError: () => void heard.push('error'),
      onTerminated: () => void heard.push('over'),
    },
  );
  await new Promise<void>((resolve) => setImmediate(resolve));
  t.deepEqual(heard, ['error', 'over']);
  t.is(transactions.size, 0);
});

test('100,000 transactions leave nothing behind', async (t) => {
  const { acks, clock, flow, got, timers, transactions } = layer({ limit: 300_000 });
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const memory = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const round = async (count: number): Promise<void> => {
    for (let at = 0; at < count / 4; at++) {
      const branch = `z9hG4bK${at}`;
      transactions.onRequest(request('INVITE', undefined, { branch, callId: branch }), flow);
      const invite = got.pop();
      invite?.respond(SipResponse.to(invite.request, at % 2 === 0 ? 200 : 486));
      transactions.onRequest(request('ACK', undefined, { branch }), flow);
      transactions.onRequest(request('OPTIONS', undefined, { branch, callId: branch }), flow);
      const options = got.pop();
      if (at % 3 !== 0) options?.respond(SipResponse.to(options.request, 200));
      for (const method of ['INVITE', 'OPTIONS']) {
        const client = transactions.request(request(method), { flow }, silent);
        if (at % 3 !== 0) transactions.onResponse(SipResponse.to(client.request, at % 2 === 0 ? 200 : 486));
      }
      flow.take();
    }
    t.true(transactions.size > count / 2);
    clock.pass(70_000, 1000);
    // What is due at once is spread over turns of the event loop, and may set timers anew.
    for (let turns = 0; transactions.size > 0 && turns < count; turns++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (turns % 100 === 99) clock.pass(1000, 1000);
    }
    flow.take();
    acks.splice(0);
  };
  await round(1000);
  const before = memory();
  await round(100_000);
  t.is(transactions.size, 0);
  t.is(timers.size, 0);
  // What 100,000 of them held is hundreds of megabytes.
  const after = memory();
  t.true(after - before < 5_000_000, `${after - before} bytes`);
});
