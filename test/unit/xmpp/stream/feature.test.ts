import test from 'ava';
import { AUTHENTICATED, BOUND, SECURED, type StreamFeature, StreamFeatures } from '#protocols/xmpp/stream/feature.ts';
import type { ClientStream } from '#protocols/xmpp/links/client-stream.ts';

const feature = (name: string, requires: number, forbids: number, elements: readonly string[] = []): StreamFeature => {
  return { name, requires, forbids, elements, offer: () => `<${name}/>` };
};
const inState = (state: number): ClientStream => ({ state }) as ClientStream;

test('features are offered in the order of registration, where the state allows them', (t) => {
  const features = new StreamFeatures();
  features.add(feature('tls', 0, SECURED));
  features.add(feature('sasl', SECURED, AUTHENTICATED));
  features.add(feature('bind', AUTHENTICATED, BOUND));
  t.is(features.offers(inState(0)), '<tls/>');
  t.is(features.offers(inState(SECURED)), '<sasl/>');
  t.is(features.offers(inState(SECURED | AUTHENTICATED)), '<bind/>');
  t.is(features.offers(inState(AUTHENTICATED)), '<tls/><bind/>');
  t.is(features.offers(inState(SECURED | AUTHENTICATED | BOUND)), '');
});

test('two features answer one element when no state allows both', (t) => {
  const features = new StreamFeatures();
  const bind = feature('bind', AUTHENTICATED, BOUND, ['{c}iq']);
  const register = feature('register', 0, AUTHENTICATED, ['{c}iq']);
  features.add(bind);
  const registered = features.add(register);
  t.is(features.answering('c', 'iq', 0), register);
  t.is(features.answering('c', 'iq', AUTHENTICATED), bind);
  t.truthy(features.answering('c', 'iq', AUTHENTICATED | BOUND));
  t.is(features.answering('c', 'message', 0), undefined);
  registered[Symbol.dispose]();
  t.is(features.answering('c', 'iq', 0), bind);
  t.is(features.named('register'), undefined);
});

test('two features that answer one element in one state are refused', (t) => {
  const features = new StreamFeatures();
  features.add(feature('a', AUTHENTICATED, BOUND, ['{c}iq']));
  t.throws(() => features.add(feature('b', SECURED, BOUND, ['{c}iq'])), { message: 'b and a both answer {c}iq' });
  t.is(features.offers(inState(AUTHENTICATED)), '<a/>');
});
