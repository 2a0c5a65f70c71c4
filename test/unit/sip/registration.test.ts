/** RFC 3261 section 10.3, steps 6 and 7; RFC 5626 section 6; RFC 5627 section 5.1: what becomes of bindings. */
import test from 'ava';
import type { Binding } from '#protocols/sip/binding.ts';
import { type Asked, type AskedContact, register, type Registered } from '#protocols/sip/registration.ts';

const NOW = 1_700_000_000_000;
const LIMITS = { min: 60, max: 7200, preset: 3600, contacts: 3 };

let words = 0;

const context = {
  now: NOW,
  limits: LIMITS,
  same: (one: string, other: string) => one.toLowerCase() === other.toLowerCase(),
  resource: (device: string) => `sip-${device}`,
  gruu: () => `word${(words += 1)}`,
};

function contact(uri: string, given: Partial<AskedContact> = {}): AskedContact {
  return { uri, params: [], q: 1000, expires: undefined, instance: undefined, regId: undefined, ...given };
}

function asked(contacts: Asked['contacts'], given: Partial<Asked> = {}): Asked {
  return { contacts, expires: undefined, callId: 'a', cseq: 1, path: [], flow: undefined, userAgent: '', ...given };
}

function stands(result: Registered): readonly Binding[] {
  if ('denied' in result) throw new Error(`denied: ${result.denied.status} ${result.denied.reason}`);
  return result.bindings;
}

const seconds = (bindings: readonly Binding[]): readonly (readonly [string, number])[] =>
  bindings.map((one) => [one.contact, (one.expires - NOW) / 1000]);

const statusOf = (result: Registered): number => ('denied' in result ? result.denied.status : 200);

/** Two contacts, by a client that is at CSeq 5 of Call-ID a. */
const two = (): readonly Binding[] =>
  stands(register([], asked([contact('sip:1'), contact('sip:2')], { cseq: 5 }), context));

for (const [what, given, header, expected] of [
  ['the parameter counts before the header field', 120, 600, 120],
  ['the header field counts where there is no parameter', undefined, 600, 600],
  ['neither gives the preset', undefined, undefined, 3600],
  ['no more than the most', 100_000, undefined, 7200],
] as const) {
  test(`expires: ${what}`, (t) => {
    const result = register([], asked([contact('sip:1', { expires: given })], { expires: header }), context);
    t.deepEqual(seconds(stands(result)), [['sip:1', expected]]);
  });
}

test('423 with Min-Expires for less than the minimum', (t) => {
  const result = register([], asked([contact('sip:1', { expires: 30 })]), context);
  t.deepEqual(result, { denied: { status: 423, reason: 'Interval Too Brief', fields: [['Min-Expires', '60']] } });
});

test('423 only for what is below an hour', (t) => {
  const limits = { ...LIMITS, min: 5000 };
  t.is(statusOf(register([], asked([contact('sip:1', { expires: 3600 })]), { ...context, limits })), 200);
  t.is(statusOf(register([], asked([contact('sip:1', { expires: 3599 })]), { ...context, limits })), 423);
});

test('a contact is added, refreshed and removed', (t) => {
  const before = two();
  const added = stands(register(before, asked([contact('sip:3')], { cseq: 6 }), context));
  t.deepEqual(
    seconds(added).map(([uri]) => uri),
    ['sip:1', 'sip:2', 'sip:3'],
  );
  const refreshed = stands(register(added, asked([contact('SIP:1', { expires: 60 })], { cseq: 7 }), context));
  t.deepEqual(seconds(refreshed), [
    ['sip:2', 3600],
    ['sip:3', 3600],
    ['SIP:1', 60],
  ]);
  const removed = stands(register(refreshed, asked([contact('sip:2', { expires: 0 })], { cseq: 8 }), context));
  t.deepEqual(
    seconds(removed).map(([uri]) => uri),
    ['sip:3', 'SIP:1'],
  );
});

test('one contact is removed while another is added', (t) => {
  const contacts = [contact('sip:1', { expires: 0 }), contact('sip:3')];
  const result = register(two(), asked(contacts, { cseq: 6 }), context);
  t.deepEqual(
    stands(result).map((one) => one.contact),
    ['sip:2', 'sip:3'],
  );
});

for (const [what, given, status] of [
  ['a higher CSeq of the same Call-ID updates', { cseq: 6 }, 200],
  ['the same CSeq fails', { cseq: 5 }, 500],
  ['a lower CSeq fails', { cseq: 4 }, 500],
  ['any CSeq of another Call-ID updates', { callId: 'b', cseq: 1 }, 200],
] as const) {
  test(`order: ${what}`, (t) => {
    t.is(statusOf(register(two(), asked([contact('sip:1')], given), context)), status);
    t.is(statusOf(register(two(), asked([contact('sip:1', { expires: 0 })], given), context)), status);
    t.is(statusOf(register(two(), asked('*', { ...given, expires: 0 }), context)), status);
  });
}

test('one contact that fails makes all fail', (t) => {
  const contacts = [contact('sip:3'), contact('sip:1')];
  t.is(statusOf(register(two(), asked(contacts, { cseq: 5 }), context)), 500);
});

test('* removes all, with Expires 0 only', (t) => {
  t.deepEqual(stands(register(two(), asked('*', { expires: 0, cseq: 6 }), context)), []);
  t.is(statusOf(register(two(), asked('*', { expires: 60, cseq: 6 }), context)), 400);
  t.is(statusOf(register(two(), asked('*', { cseq: 6 }), context)), 400);
});

test('no more contacts than allowed', (t) => {
  const more = asked([contact('sip:3'), contact('sip:4')], { cseq: 6 });
  t.is(statusOf(register(two(), more, context)), 403);
});

test('bindings over flows go by instance and reg-id, not by contact (RFC 5626 section 6)', (t) => {
  const flow = (uri: string, regId: number, cseq: number) =>
    asked([contact(uri, { instance: 'urn:uuid:1', regId })], { cseq });
  const first = stands(register([], flow('sip:1', 1, 1), context));
  const second = stands(register(first, flow('sip:2', 2, 2), context));
  const moved = stands(register(second, flow('sip:3', 1, 3), context));
  t.deepEqual(
    moved.map((one) => [one.contact, one.regId]),
    [
      ['sip:2', 2],
      ['sip:3', 1],
    ],
  );
  t.deepEqual(new Set(moved.map((one) => one.resource)), new Set(['sip-urn:uuid:1']));
});

test('temporary GRUUs hold until the client begins anew (RFC 5627 section 5.1)', (t) => {
  const by = (given: Partial<Asked>) => asked([contact('sip:1', { instance: 'urn:uuid:1' })], given);
  const [first] = stands(register([], by({}), context));
  const again = stands(register(first === undefined ? [] : [first], by({ cseq: 2 }), context));
  t.is(again[0]?.gruu, first?.gruu);
  const [anew] = stands(register(again, by({ callId: 'b' }), context));
  t.not(anew?.gruu, first?.gruu);
});

test('what was registered first is remembered', (t) => {
  const [first] = two();
  const later = { ...context, now: NOW + 1000 };
  const bindings = stands(register(two(), asked([contact('sip:1')], { cseq: 6 }), later));
  t.is(bindings.find((one) => one.contact === 'sip:1')?.since, first?.since);
});
