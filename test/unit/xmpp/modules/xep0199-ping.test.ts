import test from 'ava';
import { KeepAlive, ping } from '#protocols/xmpp/modules/xep0199-ping.ts';
import { streamLimits } from '#protocols/xmpp/modules/xep0478-stream-limits.ts';
import { errorOf } from '#test/helpers/core.ts';
import { TestXmpp } from '#test/helpers/xmpp.ts';
import { same } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';
const PING = "<ping xmlns='urn:xmpp:ping'/>";
const MINUTE = 60_000;

test('the host and the own account answer; a stranger learns nothing of others', async (t) => {
  await using xmpp = await TestXmpp.open({ accounts: [JULIET, ROMEO] });
  xmpp.start(ping, { send: false });
  const juliet = xmpp.core.login(`${JULIET}/balcony`);
  for (const [to, from] of [
    [undefined, JULIET],
    ['capulet.lit', 'capulet.lit'],
  ] as const) {
    same(t, [await juliet.iq('get', PING, to)], [`<iq type='result' id='*' from='${from}' to='${JULIET}/balcony'/>`]);
  }
  t.is(errorOf(await juliet.iq('get', PING, ROMEO)), 'service-unavailable/cancel');
  t.is(xmpp.host().idleAfter, undefined);
});

/** A client that was last heard of at 0, and the look of the server at a later time. */
async function silent(kill: boolean) {
  const xmpp = await TestXmpp.open({ accounts: [JULIET, ROMEO] });
  const keepAlive = new KeepAlive(xmpp.host(), { interval: 5 * MINUTE, timeout: MINUTE, kill });
  const client = xmpp.login(`${JULIET}/balcony`);
  const { timers } = xmpp.server;
  const start = timers.now;
  client.stream.lastReceived = start;
  const at = (time: number): readonly string[] => {
    timers.now = start + time;
    keepAlive.onTimeout();
    return client.transport.take();
  };
  return { xmpp, keepAlive, client, at };
}

const question = `<iq type='get' id='*' from='capulet.lit' to='${JULIET}/balcony'>${PING}</iq>`;

test('a client that is silent is asked once, and lives when anything comes', async (t) => {
  const { at, client, xmpp } = await silent(true);
  same(t, at(5 * MINUTE - 1), []);
  const [asked = ''] = at(5 * MINUTE);
  same(t, [asked], [question]);
  same(t, at(5 * MINUTE + 30_000), []);
  // The answer goes to the host, and no further.
  client.send(`<iq type='result' to='capulet.lit' id='${/ id='([^']+)'/.exec(asked)?.[1] ?? ''}'/>`);
  same(t, at(7 * MINUTE), []);
  t.false(client.transport.closed);
  t.is(at(11 * MINUTE).length, 1);
  client.send(`<message to='${ROMEO}'/>`);
  client.transport.take();
  same(t, at(13 * MINUTE), []);
  t.deepEqual(xmpp.core.faults, []);
});

test('an error answers a ping as well as a result', async (t) => {
  const { at, client } = await silent(true);
  at(5 * MINUTE);
  client.send(`<iq type='error' to='capulet.lit' id='p'><error type='cancel'/></iq>`);
  same(t, at(7 * MINUTE), []);
  t.false(client.transport.closed);
});

test('a client that stays silent is closed, and its contacts see it go', async (t) => {
  const { at, client, xmpp } = await silent(true);
  xmpp.core.befriend(JULIET, ROMEO);
  const romeo = xmpp.core.login(`${ROMEO}/orchard`);
  romeo.take();
  at(5 * MINUTE);
  const [error] = at(6 * MINUTE);
  t.true(error?.includes('<connection-timeout'));
  t.true(client.transport.closed);
  romeo.got(t, `<presence type='unavailable' from='${JULIET}/balcony' to='${ROMEO}'/>`);
});

test('with the action none it is asked again', async (t) => {
  const { at, client } = await silent(false);
  at(5 * MINUTE);
  same(t, at(6 * MINUTE), [question]);
  t.false(client.transport.closed);
});

test('streams without a session are left to their own timeout', async (t) => {
  await using xmpp = await TestXmpp.open({ accounts: [JULIET] });
  const keepAlive = new KeepAlive(xmpp.host(), { interval: MINUTE, timeout: MINUTE, kill: true });
  const client = xmpp.stream();
  client.transport.take();
  xmpp.server.timers.now += 10 * MINUTE;
  keepAlive.onTimeout();
  client.got(t);
  t.false(client.transport.closed);
});

test('limits are told before and after authentication, silence only where it is acted upon', async (t) => {
  await using xmpp = await TestXmpp.open({
    accounts: [JULIET],
    settings: 'limits: {stanza_size: 100KB, stanza_size_before_auth: 10KB}',
  });
  xmpp.start(streamLimits);
  const limits = (bytes: number, seconds = ''): string =>
    `<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>${bytes}</max-bytes>${seconds}</limits>`;
  const header = "<header from='capulet.lit'/>";
  const client = xmpp.stream();
  client.got(t, header, `<features>${limits(10_240)}</features>`);
  client.authenticate(JULIET);
  const bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>";
  client.got(t, header, `<features>${bind}${limits(102_400)}</features>`);
  xmpp.start(ping, { interval: '5m' });
  client.open();
  client.got(t, header, `<features>${bind}${limits(102_400, '<idle-seconds>300</idle-seconds>')}</features>`);
  await xmpp.core.loader.stop('ping', xmpp.core.host());
  client.open();
  client.got(t, header, `<features>${bind}${limits(102_400)}</features>`);
});
