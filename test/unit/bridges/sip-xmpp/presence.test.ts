import { Buffer } from 'node:buffer';
import test from 'ava';
import fc from 'fast-check';
import {
  idOf,
  presenceFrom,
  priorityOfQvalue,
  qvalueOf,
  readPidf,
  resourceOf,
  writePidf,
} from '#bridges/sip-xmpp/presence.ts';
import { canonical, element, jid, same, stanza } from '#test/helpers/xml.ts';
import { fromPidf, malformed, priorities, toPidf } from '#test/vectors/bridges/rfc8048.ts';

const juliet = jid('juliet@example.com');
const romeo = jid('romeo@example.net');

for (const { activities, stanzas, title, tuples } of toPidf) {
  test(`RFC 8048 table 1: ${title}`, (t) => {
    const written = element(writePidf(juliet, stanzas.map(stanza)).replace(/^<\?[^>]*\?>/, ''));
    t.is(written.attrs['entity'], 'pres:juliet@example.com');
    const wanted = tuples.map((tuple) =>
      element(tuple.replace('<tuple', "<tuple xmlns='urn:ietf:params:xml:ns:pidf'")),
    );
    t.deepEqual(
      written.getChildren('tuple').map((one) => canonical(one)),
      wanted.map((one) => canonical(one)),
    );
    const doing = written.getChild('person', 'urn:ietf:params:xml:ns:pidf:data-model')?.getChildElements()[0];
    t.is(doing?.getChildElements()[0]?.getName(), activities);
  });
}

test('an account without devices is closed', (t) => {
  t.regex(writePidf(juliet, []), /<tuple id='ID-none'><status><basic>closed<\/basic><\/status><\/tuple>/);
});

for (const { document, stanzas, title } of fromPidf) {
  test(`RFC 8048 table 2: ${title}`, (t) => {
    const read = readPidf(Buffer.from(document));
    t.is(read?.entity, 'pres:romeo@example.net');
    same(
      t,
      (read?.tuples ?? []).map((tuple) => presenceFrom(tuple, jid(`${romeo.bare}/${tuple.resource}`))),
      stanzas,
    );
  });
}

for (const document of malformed) {
  test(`no PIDF: ${document}`, (t) => t.is(readPidf(Buffer.from(document)), undefined));
}

for (const [priority, qvalue] of priorities) {
  test(`RFC 8048 table 1, note 6: ${priority} is ${qvalue}`, (t) => t.is(qvalueOf(priority), qvalue));
}

test('RFC 8048 table 1, note 6: every priority is another one, and comes back', (t) => {
  for (let priority = 0; priority <= 127; priority += 1) t.is(priorityOfQvalue(qvalueOf(priority)), priority);
});

test('RFC 8048 table 1, note 2: any resource comes back from the id of its tuple, which is a name', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (resource) => {
      t.is(resourceOf(idOf(resource)), resource);
      t.regex(idOf(resource), /^ID-[\w.-]*$/);
    }),
  );
});

test('what one world writes the other reads back', (t) => {
  const given = [
    "<presence from='juliet@example.com/a'><show>dnd</show><status xml:lang='en'>no</status><priority>5</priority></presence>",
    "<presence from='juliet@example.com/b' type='unavailable'/>",
  ];
  const read = readPidf(Buffer.from(writePidf(juliet, given.map(stanza))));
  same(
    t,
    (read?.tuples ?? []).map((tuple) => presenceFrom(tuple, jid(`${juliet.bare}/${tuple.resource}`))),
    given,
  );
});
