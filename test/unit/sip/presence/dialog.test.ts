/** RFC 3261 section 12: the server's side of the dialogs of subscriptions. */
import test from 'ava';
import { type FieldList, SipRequest } from '#protocols/sip/message/message.ts';
import {
  continueDialog,
  type Dialog,
  keyOf,
  keyOfRequest,
  nextHop,
  openDialog,
  requestIn,
} from '#protocols/sip/presence/dialog.ts';
import type { Flow } from '#protocols/sip/transport/flow.ts';

const OWN = 'sip:192.0.2.9;transport=tcp';
const flow = { transport: 'tcp', remoteAddress: '192.0.2.1', remotePort: 5060 } as Flow;

const subscribe = (
  fields: FieldList = [['Contact', '<sip:j@192.0.2.1>']],
  seq = 7,
  to = '<sip:romeo@localhost>',
): SipRequest =>
  SipRequest.make('SUBSCRIBE', 'sip:romeo@localhost', [
    ['From', '"Juliet" <sip:juliet@localhost>;tag=r'],
    ['To', to],
    ['Call-ID', 'c'],
    ['CSeq', `${seq} SUBSCRIBE`],
    ...fields,
  ]);

function opened(fields?: FieldList): Dialog {
  const dialog = openDialog(subscribe(fields), flow, 'l', OWN);
  if (dialog === undefined) throw new Error('no dialog');
  return dialog;
}

test('section 12.1.1: the state is that of the request, seen from the other side', (t) => {
  const request = requestIn(opened(), 'NOTIFY', 3, [['Event', 'presence']]);
  t.is(request.uri, 'sip:j@192.0.2.1');
  t.is(request.get('From'), '<sip:romeo@localhost>;tag=l');
  t.is(request.get('To'), '"Juliet" <sip:juliet@localhost>;tag=r');
  t.is(request.get('CSeq'), '3 NOTIFY');
  t.is(request.get('Contact'), `<${OWN}>`);
  t.is(keyOfRequest(subscribe([], 8, '<sip:romeo@localhost>;tag=l')), keyOf(opened()));
});

test('section 12.2.1.1: the route set in the order of Record-Route', (t) => {
  const dialog = opened([
    ['Contact', '<sip:j@192.0.2.1>'],
    ['Record-Route', '<sip:p2.example;lr>, <sip:p1.example;lr>'],
  ]);
  const request = requestIn(dialog, 'NOTIFY', 1, []);
  t.is(request.uri, 'sip:j@192.0.2.1');
  t.deepEqual(request.all('Route'), ['<sip:p2.example;lr>', '<sip:p1.example;lr>']);
  t.is(nextHop(dialog)?.uri.host, 'p2.example');
});

test('a strict router is the Request-URI, and the target is the last route', (t) => {
  const dialog = opened([
    ['Contact', '<sip:j@192.0.2.1>'],
    ['Record-Route', '<sip:strict.example>, <sip:p1.example;lr>'],
  ]);
  const request = requestIn(dialog, 'NOTIFY', 1, []);
  t.is(request.uri, 'sip:strict.example');
  t.deepEqual(request.all('Route'), ['<sip:p1.example;lr>', '<sip:j@192.0.2.1>']);
});

test('section 12.2.2: a later request moves the target; an older one is refused', (t) => {
  const dialog = opened();
  t.is(continueDialog(dialog, subscribe([['Contact', '<sip:j@192.0.2.7>']], 7), flow), 'late');
  const moved = continueDialog(dialog, subscribe([['Contact', '<sip:j@192.0.2.7>']], 9), flow);
  t.like(moved, { target: 'sip:j@192.0.2.7', remoteSeq: 9 });
  t.like(continueDialog(dialog, subscribe([], 8), flow), { target: 'sip:j@192.0.2.1' });
});

for (const [what, fields] of [
  ['no Contact', []],
  ['two Contacts', [['Contact', '<sip:a@h>, <sip:b@h>']]],
  ['a Contact that is no SIP URI', [['Contact', '<mailto:j@h>']]],
  ['a star', [['Contact', '*']]],
  ['a Contact too long to keep', [['Contact', `<sip:${'j'.repeat(9000)}@h>`]]],
  [
    'a damaged Record-Route',
    [
      ['Contact', '<sip:j@h>'],
      ['Record-Route', '<sip:p1'],
    ],
  ],
] as const) {
  test(`no dialog begins with ${what}`, (t) => {
    t.is(openDialog(subscribe(fields), flow, 'l', OWN), undefined);
  });
}
