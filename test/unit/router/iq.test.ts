import test from 'ava';
import { Features } from '#src/router/features.ts';
import { IqTable, type IqRequest } from '#src/router/iq.ts';
import { Requests } from '#src/router/requests.ts';
import { refuse } from '#src/stanza/conditions.ts';
import { jid, stanza } from '#test/helpers/xml.ts';

const request = (to: string, inner: string, type = 'get') =>
  stanza(`<iq type='${type}' id='1' from='juliet@capulet.lit/balcony' to='${to}'>${inner}</iq>`);

test('a request finds its handler by scope, type, namespace and name', (t) => {
  const table = new IqTable();
  const seen: IqRequest[] = [];
  const added = table.add('account', 'get', 'urn:x', 'query', (one) => {
    seen.push(one);
    return one.stanza.result();
  });
  const answer = table.answer('account', request('juliet@capulet.lit', "<p:query xmlns:p='urn:x'/>"));
  t.is(answer !== undefined && 'kind' in answer ? answer.type : undefined, 'result');
  t.true(seen[0]?.own);
  void table.answer('account', request('romeo@capulet.lit', "<query xmlns='urn:x'/>"));
  t.false(seen[1]?.own);
  for (const [scope, inner, type] of [
    ['host', "<query xmlns='urn:x'/>", 'get'],
    ['account', "<query xmlns='urn:x'/>", 'set'],
    ['account', "<query xmlns='urn:y'/>", 'get'],
    ['account', "<other xmlns='urn:x'/>", 'get'],
  ] as const) {
    t.is(table.answer(scope, request('juliet@capulet.lit', inner, type)), refuse('service-unavailable'));
  }
  added[Symbol.dispose]();
  t.is(table.answer('account', request('juliet@capulet.lit', "<query xmlns='urn:x'/>")), refuse('service-unavailable'));
});

test('exactly one child (RFC 6120 section 8.2.3)', (t) => {
  const table = new IqTable();
  for (const inner of ['', "<a xmlns='urn:x'/><b xmlns='urn:x'/>", 'text']) {
    t.is(table.answer('host', request('capulet.lit', inner)), refuse('bad-request'));
  }
});

test('two handlers for one request are a mistake', (t) => {
  const table = new IqTable();
  table.add('host', 'get', 'urn:x', 'q', () => undefined);
  t.throws(() => table.add('host', 'get', 'urn:x', 'q', () => undefined), { message: /two handlers/ });
  t.notThrows(() => table.add('host', 'set', 'urn:x', 'q', () => undefined));
});

test('a feature stays until the last who announced it leaves', (t) => {
  const features = new Features();
  const one = features.add('host', 'b');
  const two = features.add('host', 'b');
  features.add('host', 'a');
  features.add('account', 'c');
  t.deepEqual(features.list('host'), ['a', 'b']);
  const { version } = features;
  one[Symbol.dispose]();
  t.true(features.has('host', 'b'));
  two[Symbol.dispose]();
  t.deepEqual([features.list('host'), features.list('account')], [['a'], ['c']]);
  t.not(features.version, version);
});

test('an answer counts once, with its id, from the one that was asked', (t) => {
  const requests = new Requests();
  const answers: (string | undefined)[] = [];
  const id = requests.open(jid('a@b/c'), (answer) => answers.push(answer.type));
  const settle = (from: string, answered: string) =>
    requests.settle(stanza(`<iq type='result' id='${answered}' from='${from}' to='b'/>`));
  t.deepEqual(
    [settle('a@b', id), settle('x@y/c', id), settle('a@b/c', 'other'), settle('a@b/c', id), settle('a@b/c', id)],
    [false, false, false, true, false],
  );
  t.deepEqual(answers, ['result']);
});

test('requests that nobody answers have a bound', (t) => {
  const requests = new Requests();
  const first = requests.open(jid('a@b/c'), () => t.fail());
  for (let count = 0; count < 10_000; count += 1) requests.open(jid('a@b/c'), () => undefined);
  t.is(requests.size, 10_000);
  t.false(requests.settle(stanza(`<iq type='result' id='${first}' from='a@b/c' to='b'/>`)));
});
