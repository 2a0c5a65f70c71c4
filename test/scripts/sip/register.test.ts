/** REGISTER on the wire: RFC 3261 section 10.3, and who may. */
import test from 'ava';
import { SipTestServer } from '#test/helpers/sip.ts';

for (const transport of ['udp', 'tcp', 'tls'] as const) {
  test(`${transport}: OPTIONS is answered, and a phone registers`, async (t) => {
    await using server = await SipTestServer.start();
    await server.register('juliet@localhost');
    const phone = await server.phone('juliet@localhost', { transport });
    const options = await phone.ask(phone.request('OPTIONS', { to: 'sip:localhost' }));
    t.is(options.status, 200);
    t.true(options.tokens('Allow').includes('register'));
    const challenged = await phone.ask(phone.registration());
    t.is(challenged.status, 401);
    t.is(challenged.all('WWW-Authenticate').length, 2);
    const done = await phone.register();
    t.is(done.status, 200);
    t.is(done.get('Contact'), `<${phone.contact}>;expires=600`);
  });
}
