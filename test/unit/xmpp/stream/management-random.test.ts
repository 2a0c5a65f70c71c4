/** Two clients, a server, and everything that can go wrong between them in random order: each message arrives once, and in order. */
import test from 'ava';
import fc from 'fast-check';
import { chat, type ManagedClient, ManagedServer, SM } from './managed-client.ts';

/** A client that sends again what the server has not handled, as XEP-0198 section 5 has it. */
class Sender {
  readonly client: ManagedClient;
  #number = 1;
  /** Stanzas of which the server has said nothing yet; `#number` is the first one's. */
  readonly #unacknowledged: string[] = [];

  constructor(client: ManagedClient, handled: number) {
    this.client = client;
    this.#number = handled + 1;
  }

  say(xml: string, online: boolean): void {
    this.#unacknowledged.push(xml);
    if (online) this.client.send(xml);
  }

  listen(): void {
    for (const xml of this.client.take()) {
      const h = /^<a .*h='(\d+)'/.exec(xml)?.[1];
      if (h !== undefined) this.#handled(Number(h));
    }
  }

  #handled(h: number): void {
    this.#unacknowledged.splice(0, h - this.#number + 1);
    this.#number = h + 1;
  }

  async resume(server: ManagedServer): Promise<void> {
    const answer = await this.client.resume(server);
    this.#handled(Number(/^<resumed .*h='(\d+)'/.exec(answer)?.[1]));
    for (const xml of this.#unacknowledged) this.client.send(xml);
  }
}

const steps = [
  'say',
  'say',
  'say',
  'presence',
  'ask',
  'settle',
  'settle',
  'read',
  'acknowledge',
  'cut sender',
  'cut receiver',
  'kill',
] as const;
type Step = (typeof steps)[number];

async function run(
  script: readonly Step[],
): Promise<{ readonly said: readonly string[]; readonly heard: readonly string[] }> {
  const servers = [await ManagedServer.open()];
  const server = (): ManagedServer => servers.at(-1) as ManagedServer;
  const juliet = await server().login('juliet@capulet.lit/balcony');
  const romeo = await server().login('romeo@capulet.lit/orchard');
  juliet.acknowledge();
  const sender = new Sender(romeo, 1);
  const said: string[] = [];
  const heard: string[] = [];
  let online = true;
  let there = true;
  const revive = async (): Promise<void> => {
    if (!online) await sender.resume(server());
    online = true;
    if (!there) await juliet.resume(server());
    there = true;
  };
  const act: Readonly<Record<Step, () => void | Promise<void>>> = {
    say: () => {
      said.push(`m${said.length}`);
      sender.say(chat('juliet@capulet.lit/balcony', said.at(-1) ?? ''), online);
    },
    presence: () => sender.say('<presence/>', online),
    ask: () => {
      if (online) romeo.send(`<r xmlns='${SM}'/>`);
    },
    settle: async () => {
      await server().settled();
      // A server that was killed says nothing any more, though the one of the test does.
      if (online) sender.listen();
    },
    read: () => {
      if (there) heard.push(...juliet.bodies());
    },
    acknowledge: () => {
      if (!there) return;
      heard.push(...juliet.bodies());
      juliet.acknowledge();
    },
    'cut sender': () => {
      if (online) romeo.drop();
      online = false;
    },
    // What was written and not read is lost.
    'cut receiver': () => {
      if (there) {
        juliet.stream.transport.take();
        juliet.drop();
      }
      there = false;
    },
    kill: async () => {
      servers.push(await server().killed());
      online = false;
      there = false;
    },
  };
  for (const [index, step] of script.entries()) {
    await act[step]();
    if (index % 4 === 3) await revive();
  }
  await revive();
  for (let turn = 0; turn < 3; turn += 1) {
    await act.settle();
    await act.acknowledge();
  }
  const faults = servers.flatMap(({ xmpp }) => xmpp.core.faults);
  if (faults.length > 0 || juliet.stream.transport.closed || romeo.stream.transport.closed)
    throw new Error(`broken: ${String(faults)}`);
  for (const one of servers) await one[Symbol.asyncDispose]();
  return { said, heard };
}

test('once and in order, whatever breaks', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...steps), { minLength: 8, maxLength: 60 }), async (script) => {
      const { heard, said } = await run(script);
      return heard.join() === said.join();
    }),
    { numRuns: 100 },
  );
  t.pass();
});
