/**
 * RFC 6121 Appendix A over the wire: each of the nine states with each subscription stanza that the user sends (A.2) or that the
 * contact's server sends (A.3). The user is a client on a socket; the contact's server is whatever the router hands its stanzas to.
 * What is expected stands in the RFC's own tables: `subscription-tables.ts`.
 */
import test, { type ExecutionContext } from 'ava';
import type { Element } from 'ltx';
import { Jid } from '#src/address/jid.ts';
import { subscriptionStates } from '#src/im/subscription.ts';
import { DELIVERED } from '#src/router/outcome.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import { ScriptClient } from './client.ts';
import { ScriptServer } from './server.ts';
import { INBOUND, OUTBOUND, rowsOf, STATES } from './subscription-tables.ts';

/** A server with a user on it, and another server that notes what it is sent. */
class Scene {
  readonly server: ScriptServer;
  readonly romeo: ScriptClient;
  #routed: Stanza[] = [];
  #contacts = 0;

  private constructor(server: ScriptServer, romeo: ScriptClient) {
    this.server = server;
    this.romeo = romeo;
    server.server.router.attach(jid('capulet.example'), {
      deliver: (stanza) => {
        this.#routed.push(stanza);
        return DELIVERED;
      },
    });
  }

  static async open(): Promise<Scene> {
    const server = new ScriptServer('');
    await server.start();
    await server.register('romeo@localhost', 'secret');
    const romeo = await ScriptClient.dial('romeo', { port: server.port('c2s') });
    const scene = new Scene(server, romeo);
    await romeo.authenticate('romeo', 'secret');
    await romeo.bind('orchard');
    romeo.send("<presence/><iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    await scene.take();
    return scene;
  }

  async close(): Promise<void> {
    this.romeo.break();
    await this.server.remove();
  }

  /** A contact of its own for every case, in a state. `listed` false: known by a request only (A.1, state 3). */
  contact(state: string, listed: boolean, approved = false): string {
    this.#contacts += 1;
    const contact = `juliet${this.#contacts}@capulet.example`;
    const known = STATES[state];
    if (known === undefined) throw new Error(`${state} is no state`);
    if (listed || known.state !== 'none') {
      this.server.contact('romeo@localhost', contact, known.state, { listed, ...(approved ? { approved: true } : {}) });
    }
    return contact;
  }

  /** What has come to the client since the last time. */
  async take(): Promise<readonly Element[]> {
    await this.romeo.settle();
    return this.romeo.received.splice(0);
  }

  /** The types of presence sent to a contact since the last time; "available" for none. */
  routed(contact: string): readonly string[] {
    const sent = this.#routed.filter(({ to }) => to?.bare === contact);
    this.#routed = [];
    return sent.map(({ from, kind, to, type }) => {
      const own = type === undefined || type === 'unavailable' ? 'romeo@localhost/orchard' : 'romeo@localhost';
      return kind === 'presence' && from?.full === own && to?.isBare === true
        ? (type ?? 'available')
        : `wrong: ${kind} from ${from?.full}`;
    });
  }

  /** How a contact stands in the roster now: `to ask approved`; undefined when it does not. */
  async shown(contact: string): Promise<string | undefined> {
    this.romeo.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>");
    const answer = (await this.take()).find(({ attrs }) => attrs['id'] === 'roster');
    return shownItems(answer).get(contact);
  }

  /** Is a request of the contact delivered to a client that becomes available (section 3.1.3)? */
  async pending(contact: string): Promise<boolean> {
    this.romeo.send("<presence type='unavailable'/><presence/>");
    const came = await this.take();
    this.#routed = [];
    return came.some(({ attrs }) => attrs['type'] === 'subscribe' && attrs['from'] === contact);
  }

  inject(contact: string, type: string): void {
    this.server.server.router.send(
      Stanza.make('presence', { from: jid(contact), to: jid('romeo@localhost'), type, id: 'in' }),
    );
  }
}

function jid(text: string): Jid {
  const address = Jid.parse(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

function shownItems(iq: Element | undefined): ReadonlyMap<string, string> {
  const items = iq?.getChild('query', 'jabber:iq:roster')?.getChildren('item') ?? [];
  return new Map(
    items.map(({ attrs }) => {
      const words = [
        attrs['subscription'],
        attrs['ask'] === 'subscribe' ? 'ask' : '',
        attrs['approved'] === 'true' ? 'approved' : '',
      ];
      return [String(attrs['jid']), words.filter((word) => word !== '').join(' ')];
    }),
  );
}

/** What was pushed of a contact, and which presence came from it. */
function told(came: readonly Element[], contact: string) {
  const pushes = came
    .filter(({ attrs, name }) => name === 'iq' && attrs['type'] === 'set')
    .flatMap((push) => shownItems(push).get(contact) ?? []);
  const presence = came
    .filter(({ attrs, name }) => name === 'presence' && attrs['from'] === contact)
    .map(({ attrs }) => String(attrs['type'] ?? 'available'));
  return { pushes, presence };
}

let scene: Scene;
test.before(async () => {
  scene = await Scene.open();
});
test.after.always(() => scene.close());

test('the tables have a row for every state', (t) => {
  const states = Object.values(STATES).map(({ state }) => state);
  t.deepEqual(states.toSorted(), [...subscriptionStates].toSorted());
  for (const table of [...Object.values(OUTBOUND), ...Object.values(INBOUND)]) {
    t.deepEqual(
      rowsOf(table).map(({ before }) => STATES[before]?.state),
      [...states],
    );
    for (const { after } of rowsOf(table)) t.truthy(STATES[after]);
  }
});

/** The state after the event: in the roster, and in what waits for an answer. */
async function stands(
  t: ExecutionContext,
  contact: string,
  after: string,
  listed: boolean,
  approved = false,
): Promise<void> {
  const { pendingIn, shown } = STATES[after] ?? {};
  t.is(await scene.shown(contact), listed ? `${shown}${approved ? ' approved' : ''}` : undefined, 'the roster');
  t.is(await scene.pending(contact), pendingIn === true, 'a request that waits for an answer');
}

function shownIn(state: string): string {
  return STATES[state]?.shown ?? '';
}

const seesUser = (state: string): boolean => state.startsWith('From') || state === 'Both';

for (const [event, table] of Object.entries(OUTBOUND)) {
  for (const { after, before, passes, preApproves } of rowsOf(table)) {
    // A contact that only asked is in no roster; the others are.
    for (const listed of before === 'None' || before === 'None + Pending In' ? [true, false] : [true]) {
      test.serial(`A.2 the user sends "${event}" in "${before}"${listed ? '' : ', not in the roster'}`, async (t) => {
        const contact = scene.contact(before, listed);
        await scene.take();
        scene.routed(contact);
        scene.romeo.send(`<presence to='${contact}' type='${event}' id='out'/>`);
        const { presence, pushes } = told(await scene.take(), contact);
        const lost = seesUser(before) && !seesUser(after) ? ['unavailable'] : [];
        const gained = !seesUser(before) && seesUser(after) ? ['available'] : [];
        t.deepEqual(scene.routed(contact), [...lost, ...(passes ? [event] : []), ...gained], 'what is routed');
        t.deepEqual(presence, [], 'nothing comes back');
        const listedAfter = listed || event === 'subscribe' || event === 'subscribed';
        const shown = `${shownIn(after)}${preApproves ? ' approved' : ''}`;
        const changed = listedAfter && (!listed || shown !== shownIn(before));
        t.deepEqual(pushes, changed ? [shown] : [], 'what is pushed');
        await stands(t, contact, after, listedAfter, preApproves);
      });
    }
  }
}

for (const [event, table] of Object.entries(INBOUND)) {
  for (const { after, before, footnote, passes } of rowsOf(table)) {
    for (const listed of before === 'None' || before === 'None + Pending In' ? [true, false] : [true]) {
      test.serial(
        `A.3 the contact sends "${event}" in "${before}"${listed ? '' : ', not in the roster'}`,
        async (t) => {
          const contact = scene.contact(before, listed);
          await scene.take();
          scene.routed(contact);
          scene.inject(contact, event);
          const { presence, pushes } = told(await scene.take(), contact);
          t.deepEqual(presence, passes ? [event] : [], 'what is delivered');
          t.deepEqual(pushes, listed && shownIn(before) !== shownIn(after) ? [shownIn(after)] : [], 'what is pushed');
          const reply = event === 'unsubscribe' && footnote ? ['unsubscribed'] : [];
          const confirmation = event === 'subscribe' && footnote && before !== 'None' ? ['subscribed'] : [];
          const lost = seesUser(before) && !seesUser(after) ? ['unavailable'] : [];
          t.deepEqual(
            scene.routed(contact).toSorted(),
            [...reply, ...confirmation, ...lost].toSorted(),
            'what is answered',
          );
          await stands(t, contact, after, listed);
        },
      );
    }
  }
}

for (const [before, after] of [
  ['None', 'From'],
  ['None + Pending Out', 'From + Pending Out'],
  ['To', 'Both'],
] as const) {
  test.serial(`3.4 the contact sends "subscribe" in "${before}", pre-approved`, async (t) => {
    const contact = scene.contact(before, true, true);
    await scene.take();
    scene.routed(contact);
    scene.inject(contact, 'subscribe');
    const { presence, pushes } = told(await scene.take(), contact);
    t.deepEqual(presence, [], 'the user is not asked');
    t.is(pushes.length, 1);
    t.true(pushes[0]?.startsWith(shownIn(after)));
    t.deepEqual(scene.routed(contact), ['subscribed', 'available']);
    await stands(t, contact, after, true, pushes[0]?.endsWith('approved') === true);
  });

  test.serial(`3.4.2 the user sends "unsubscribed" in "${before}", pre-approved`, async (t) => {
    const contact = scene.contact(before, true, true);
    await scene.take();
    scene.routed(contact);
    scene.romeo.send(`<presence to='${contact}' type='unsubscribed'/>`);
    t.deepEqual(told(await scene.take(), contact).pushes, [shownIn(before)], 'the approval is gone');
    t.deepEqual(scene.routed(contact), []);
    await stands(t, contact, before, true);
  });
}
