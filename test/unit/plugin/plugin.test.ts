import test from 'ava';
import { z } from 'zod';
import { type AnyModule, defineModule } from '#src/plugin/contracts.ts';
import { Loader } from '#src/plugin/loader.ts';
import type { Scope } from '#src/plugin/scope.ts';
import { DELIVERED } from '#src/router/outcome.ts';
import { errorOf, TestCore } from '#test/helpers/core.ts';
import { jid } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';

function module(start: (scope: Scope) => void, name = 'test'): AnyModule {
  return defineModule({ name, description: '', specs: [], needs: [], start });
}

test('leaving a scope undoes every registration', async (t) => {
  await using core = await TestCore.open({ accounts: [JULIET, 'romeo@capulet.lit'] });
  const host = core.host();
  const undone: string[] = [];
  const { hooks } = host;
  const points = [
    hooks.decision('stanza/inbound'),
    hooks.transformation('message/inbound'),
    hooks.notice('message/received'),
  ] as const;
  const before = points.map(({ size }) => size);
  core.start(
    module((scope) => {
      scope.decide('stanza/inbound', 'main', () => undefined);
      scope.transform('message/inbound', 'main', (value) => value);
      scope.watch('message/received', () => undefined);
      scope.iq('host', 'get', 'urn:x', 'q', ({ stanza }) => stanza.result());
      scope.feature('both', 'urn:x');
      scope.attach(jid('rooms.capulet.lit'), { deliver: () => DELIVERED });
      scope.own({ [Symbol.dispose]: () => void undone.push('sync') });
      scope.own({
        async [Symbol.asyncDispose]() {
          await Promise.resolve();
          undone.push('async');
        },
      });
    }),
  );
  const juliet = core.login(`${JULIET}/balcony`);
  t.deepEqual(
    points.map(({ size }) => size),
    before.map((size) => size + 1),
  );
  t.is((await juliet.iq('get', "<q xmlns='urn:x'/>", 'capulet.lit')).type, 'result');
  juliet.send("<message to='x@rooms.capulet.lit'><body>hi</body></message>");
  juliet.got(t);
  t.true(core.loader.running('test', host));
  await core.loader.stop('test', host);
  t.false(core.loader.running('test', host));
  t.deepEqual(
    points.map(({ size }) => size),
    before,
  );
  t.is(errorOf(await juliet.iq('get', "<q xmlns='urn:x'/>", 'capulet.lit')), 'service-unavailable/cancel');
  t.deepEqual([host.features.has('host', 'urn:x'), host.features.has('account', 'urn:x')], [false, false]);
  juliet.send("<message to='x@rooms.capulet.lit'><body>hi</body></message>");
  t.deepEqual(juliet.take().map(errorOf), ['remote-server-not-found/cancel']);
  // In reverse order, each waited for.
  t.deepEqual(undone, ['async', 'sync']);
  t.notThrows(() => core.start(module(() => undefined)));
});

test('a module gets the parts that it names, and its settings', async (t) => {
  await using core = await TestCore.open({ accounts: [JULIET] });
  let seen: unknown;
  core.start(
    defineModule({
      name: 'settled',
      description: '',
      specs: [],
      settings: z.strictObject({ size: z.number().prefault(3) }),
      needs: ['router', 'roster'],
      start(scope, { roster, router }, { size }) {
        seen = [scope.name, scope.host.domain, router === core.router, roster === core.im.roster, size];
      },
    }),
  );
  t.deepEqual(seen, ['settled', 'capulet.lit', true, true, 3]);
});

test('a missing part stops the start, with both names', async (t) => {
  await using core = await TestCore.open({ accounts: [JULIET] });
  const loader = new Loader(core.router, {});
  const needy = defineModule({
    name: 'needy',
    description: '',
    specs: [],
    needs: ['router', 'store'],
    start: () => t.fail(),
  });
  t.throws(() => loader.start(needy, core.host(), undefined), {
    message: 'module needy needs router, store, which nobody provides',
  });
  t.false(loader.running('needy', core.host()));
});

test('a module runs once a host', async (t) => {
  await using core = await TestCore.open({ hosts: ['a.lit', 'b.lit'] });
  const started: string[] = [];
  const one = module((scope) => started.push(scope.host.domain));
  core.start(one, {}, 'a.lit');
  core.start(one, {}, 'b.lit');
  t.throws(() => core.start(one, {}, 'a.lit'), { message: 'module test runs on a.lit already' });
  t.deepEqual(started, ['a.lit', 'b.lit']);
});

test('a module that fails to start leaves nothing behind', async (t) => {
  await using core = await TestCore.open({ accounts: [JULIET] });
  const failing = module((scope) => {
    scope.feature('host', 'urn:x');
    throw new Error('no');
  });
  t.throws(() => core.start(failing), { message: 'no' });
  t.false(core.loader.running('test', core.host()));
  t.false(core.host().features.has('host', 'urn:x'));
});

test('the loader ends its modules in reverse order', async (t) => {
  const core = await TestCore.open({ accounts: [JULIET] });
  const ended: string[] = [];
  for (const name of ['one', 'two']) {
    core.start(module((scope) => scope.own({ [Symbol.dispose]: () => void ended.push(name) }), name));
  }
  await core[Symbol.asyncDispose]();
  t.deepEqual(ended, ['two', 'one']);
});
