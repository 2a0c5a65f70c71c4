/** RFC 5626 section 7: the ways to bindings, over the flows that registered them and otherwise. */
import test from 'ava';
import type { Binding } from '#protocols/sip/binding.ts';
import { Locations, type Way } from '#protocols/sip/locations.ts';
import { TestFlow } from '#test/unit/sip/transaction/wire.ts';

const JULIET = 'juliet@example.org';
const MALLORY = 'mallory@example.org';

function binding(contact: string, rest: Partial<Binding> = {}): Binding {
  return {
    contact,
    params: [],
    q: 1000,
    expires: Infinity,
    callId: 'a',
    cseq: 1,
    path: [],
    userAgent: '',
    resource: 'sip-1',
    gruu: '',
    since: 0,
    ...rest,
  };
}

const from = (flow: TestFlow): Pick<Binding, 'flow'> => ({
  flow: { transport: flow.transport, address: flow.remoteAddress, port: flow.remotePort, listener: flow.listener },
});

const told = (way: Way | undefined): string => {
  if (way === undefined) return 'none';
  if (way.kind === 'located') return `located ${way.uri.toString()}`;
  const { destination } = way;
  return 'flow' in destination ? `flow ${destination.flow.id}` : `to ${destination.address}:${destination.port}`;
};

const tcp = (port: number): TestFlow => new TestFlow('tcp', '198.51.100.2', port);

const DESK = 'sip:juliet@198.51.100.2:5062;transport=tcp';
const ways: readonly (readonly [
  what: string,
  made: Partial<Binding>,
  contact: string,
  open: string,
  closed: string,
])[] = [
  ['a contact that listens', {}, DESK, 'flow tcp 198.51.100.2 40000', `located ${DESK}`],
  ['reg-id', { instance: 'urn:uuid:1', regId: 1 }, DESK, 'flow tcp 198.51.100.2 40000', 'none'],
  ['ob', {}, `${DESK};ob`, 'flow tcp 198.51.100.2 40000', 'none'],
  ['a browser', {}, 'sip:juliet@abc.invalid;transport=ws', 'flow tcp 198.51.100.2 40000', 'none'],
  [
    'a Path',
    { path: ['<sip:edge.example;lr;ob>'], regId: 1 },
    DESK,
    'located sip:edge.example;lr;ob',
    'located sip:edge.example;lr;ob',
  ],
];
for (const [what, made, contact, open, closed] of ways) {
  test(`a binding over a connection, and when that is closed: ${what}`, (t) => {
    const locations = new Locations(() => undefined);
    const flow = tcp(40_000);
    const one = binding(contact, { ...from(flow), ...made });
    locations.carried(JULIET, [one], flow);
    t.is(told(locations.way(one)), open);
    flow.close();
    t.is(told(locations.way(one)), closed);
  });
}

test('over UDP a binding is where it came from, whatever its contact says, also after a restart', (t) => {
  const locations = new Locations(() => undefined);
  const one = binding('sip:juliet@10.0.0.5', { regId: 1, ...from(new TestFlow('udp', '198.51.100.2', 6000)) });
  t.is(told(locations.way(one)), 'to 198.51.100.2:6000');
});

test('all accounts of a connection that closes are told, once', (t) => {
  const closed: string[] = [];
  const locations = new Locations((bare) => void closed.push(bare));
  const flow = tcp(40_000);
  for (const bare of [JULIET, MALLORY, JULIET]) locations.carried(bare, [binding(DESK)], flow);
  flow.close();
  t.deepEqual(closed, [JULIET, MALLORY]);
});

test('a flow that an edge proxy calls failed is none, until it is registered again', (t) => {
  const closed: string[] = [];
  const locations = new Locations((bare) => void closed.push(bare));
  const path = ['<sip:edge.example;lr;ob>'];
  const one = binding(DESK, { path, regId: 1 });
  locations.fail(JULIET, one);
  t.is(told(locations.way(one)), 'none');
  t.deepEqual(closed, [JULIET]);
  t.is(told(locations.way({ ...one, cseq: 2 })), 'located sip:edge.example;lr;ob');
});

test('a contact is found by the latest connection of its account that is open, and by no other account’s', (t) => {
  const locations = new Locations(() => undefined);
  const found = (bare: string): string | undefined => {
    const destination = locations.relocate(DESK, (account) => account === bare);
    return destination && 'flow' in destination ? destination.flow.id : undefined;
  };
  const [first, second, third] = [tcp(40_001), tcp(40_002), tcp(40_003)];
  for (const flow of [first, second]) locations.carried(JULIET, [binding(DESK)], flow);
  locations.carried(MALLORY, [binding(DESK)], third);
  t.is(locations.ownerOf(first), JULIET);
  t.is(found(JULIET), second.id);
  // A refresh makes it the latest.
  locations.carried(JULIET, [binding(DESK)], first);
  t.is(found(JULIET), first.id);
  first.close();
  t.is(found(JULIET), second.id);
  second.close();
  t.is(found(JULIET), undefined);
  t.is(found(MALLORY), third.id);
  third.close();
  t.is(found(MALLORY), undefined);
});
