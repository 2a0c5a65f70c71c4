import test from 'ava';
import { failureOf, refusalOf } from '#bridges/sip-xmpp/errors.ts';
import { conditions, type Condition } from '#src/stanza/conditions.ts';
import { refusalIn } from '#src/stanza/error.ts';
import { jid, stanza } from '#test/helpers/xml.ts';
import { table2, table3 } from '#test/vectors/bridges/rfc7247.ts';

for (const [condition, full, bare] of table2) {
  test(`RFC 7247 table 2: ${condition} is ${full} of a device and ${bare} of an account`, (t) => {
    t.deepEqual(failureOf({ condition }, jid('juliet@example.com/balcony')), { status: full });
    t.deepEqual(failureOf({ condition }, jid('juliet@example.com')), { status: bare });
  });
}

for (const [status, condition] of table3) {
  test(`RFC 7247 table 3: ${status} is ${condition}`, (t) => {
    t.deepEqual(refusalOf(status), { condition });
    t.deepEqual(refusalOf(status, 'Some Reason'), { condition, text: 'Some Reason' });
  });
}

test('RFC 7247 table 2 has a row for every condition', (t) => {
  t.deepEqual(table2.map(([condition]) => condition).toSorted(), (Object.keys(conditions) as Condition[]).toSorted());
});

test('RFC 7247 table 2, note 3: gone with a new address is 301, which tells it', (t) => {
  const refusal = { condition: 'gone', address: 'xmpp:romeo@afterlife.example.net' } as const;
  t.deepEqual(failureOf(refusal, jid('romeo@example.net')), {
    status: 301,
    contact: 'sip:romeo@afterlife.example.net',
  });
});

test('RFC 7247 table 3, note 1: 301 tells the new address, 410 none', (t) => {
  const contact = 'sip:romeo@afterlife.example.net';
  t.deepEqual(refusalOf(301, 'Moved', contact), {
    condition: 'gone',
    text: 'Moved',
    address: 'xmpp:romeo@afterlife.example.net',
  });
  t.deepEqual(refusalOf(410, undefined, contact), { condition: 'gone' });
  t.deepEqual(refusalOf(302, undefined, 'tel:+1-201-555-0123'), {
    condition: 'redirect',
    address: 'tel:+1-201-555-0123',
  });
  t.deepEqual(refusalOf(301), { condition: 'redirect' });
});

test('what a stanza of type error says comes back', (t) => {
  const message = stanza("<message from='a@example.com' to='b@example.com/x' id='1'/>");
  for (const refusal of [
    { condition: 'gone', address: 'xmpp:c@example.com' },
    { condition: 'forbidden', text: 'go away' },
    { condition: 'item-not-found' },
  ] as const) {
    t.deepEqual(refusalIn(stanza(message.error(refusal).toString())), refusal);
  }
  t.is(refusalIn(message), undefined);
});
