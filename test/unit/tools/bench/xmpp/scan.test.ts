import test from 'ava';
import { MarkerCounter, attribute, childText, nextElement } from '#tools/bench/xmpp/scan.ts';

const header = `<?xml version='1.0'?><stream:stream xmlns='jabber:client' id='1' version='1.0'>`;

test('elements of a stream come one by one, past its header', (t) => {
  const features = '<stream:features><a><b/></a></stream:features>';
  const first = nextElement(`${header}${features}<r xmlns='urn:xmpp:sm:3'/><iq`);
  t.is(first?.name, 'stream:features');
  t.is(first?.text, features);
  const second = nextElement(first?.rest ?? '');
  t.is(second?.name, 'r');
  t.is(second?.rest, '<iq');
});

test('an element that is not whole is not there yet', (t) => {
  const whole = `${header}<iq id='1'><query><item/></query></iq>`;
  for (let cut = 0; cut < whole.length; cut++) t.is(nextElement(whole.slice(0, cut)), undefined, whole.slice(0, cut));
  t.is(nextElement(whole)?.name, 'iq');
});

test('the end of the stream is an element of its own', (t) => {
  t.is(nextElement('</stream:stream>')?.name, '/stream:stream');
});

test('attributes and child texts are found in either quotes', (t) => {
  t.is(attribute(`<iq type="result" id='7'>`, 'type'), 'result');
  t.is(attribute(`<iq type="result" id='7'>`, 'id'), '7');
  t.is(attribute('<iq>', 'id'), undefined);
  t.is(childText('<iq><bind><jid>a@b/c</jid></bind></iq>', 'jid'), 'a@b/c');
});

test('markers are counted for every way of cutting the bytes in three', (t) => {
  const bytes = Buffer.from('<message>x</message><message>yy</message><r/></messag</message>');
  for (let a = 0; a <= bytes.length; a++) {
    for (let b = a; b <= bytes.length; b++) {
      const counter = new MarkerCounter('</message>');
      const chunks = [bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)];
      t.is(
        chunks.reduce((sum, chunk) => sum + counter.push(chunk), 0),
        3,
        `${a} ${b}`,
      );
    }
  }
});

test('markers are counted byte by byte', (t) => {
  const counter = new MarkerCounter('</message>');
  let count = 0;
  for (const byte of Buffer.from('<message></message><message></message>')) count += counter.push(Buffer.from([byte]));
  t.is(count, 2);
});
