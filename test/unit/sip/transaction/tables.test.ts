/**
 * RFC 3261 section 17 with RFC 6026 and RFC 4320: every state of the four machines and every event in it, as the figures have them. A row tells what
 * is seen on the wire and by the transaction user; what has no row changes nothing and is seen by nobody.
 */
import test, { type ExecutionContext } from 'ava';
import { SipResponse } from '#protocols/sip/message/message.ts';
import type { ClientTransaction } from '#protocols/sip/transaction/client.ts';
import type { ServerTransaction } from '#protocols/sip/transaction/server.ts';
import { Transactions } from '#protocols/sip/transaction/transactions.ts';
import { HandTimers, request, type TestFlow, TestTransports } from './wire.ts';

// T1 of 100 ms sets the timers apart: 64*T1 is 6400, timer D stays 32000, T2 4000, T4 5000.
const TIMING = { t1: 100, t2: 4000, t4: 5000 };

/** One machine over one flow. */
class Bench {
  readonly timers = new HandTimers();
  readonly flow: TestFlow;
  readonly transactions: Transactions;
  readonly #seen: string[] = [];
  readonly #method: string;
  client: ClientTransaction | undefined;
  server: ServerTransaction | undefined;

  constructor(transport: 'udp' | 'tcp', method: string) {
    const transports = new TestTransports();
    this.flow = transports.at(transport, '198.51.100.7');
    this.#method = method;
    this.transactions = new Transactions({
      transports,
      timers: this.timers,
      timing: TIMING,
      user: {
        onRequest: (transaction) => {
          this.server = transaction;
          this.#seen.push(`user: ${transaction.request.method}`);
          transaction.user = {
            onCancel: () => this.#seen.push('user: cancelled'),
            onFailure: () => this.#seen.push('user: failure'),
            onTerminated: () => this.#seen.push('user: over'),
          };
        },
        onAck: () => this.#seen.push('user: ACK'),
      },
    });
  }

  get state(): string {
    return (this.client ?? this.server)?.state ?? 'none';
  }

  /** The wheel: milliseconds until the state ends, and until a message is repeated. */
  get running(): string {
    const delays = [...this.timers.waiting].map(([item, delay]) =>
      this.#isEnd(item) ? `end ${delay}` : `repeat ${delay}`,
    );
    return delays.toSorted().join(', ');
  }

  #isEnd(item: object): boolean {
    return item === this.client || item === this.server;
  }

  take(): string {
    const wire = this.flow
      .take()
      .map((message) => (message.kind === 'request' ? message.method : String(message.status)));
    return [...wire.map((text) => `wire: ${text}`), ...this.#seen.splice(0)].join(', ');
  }

  do(event: string): void {
    const [what = '', rest = ''] = event.split(' ');
    if (what === 'send') return this.#send();
    if (what === 'receive') return this.#receive(rest);
    if (what === 'respond') return this.server?.respond(SipResponse.to(this.server.request, Number(rest)));
    if (what === 'cancel') return void this.client?.cancel();
    if (what === 'broken') return this.flow.close();
    const item = [...this.timers.waiting.keys()].find((each) => this.#isEnd(each) === (what === 'end'));
    if (item !== undefined) this.timers.fire(item);
  }

  #send(): void {
    const see = (text: string) => () => this.#seen.push(text);
    this.client = this.transactions.request(
      request(this.#method),
      { flow: this.flow },
      {
        onResponse: ({ status }) => this.#seen.push(`user: ${status}`),
        onTimeout: see('user: timeout'),
        onTransportError: see('user: error'),
        onTerminated: see('user: over'),
      },
    );
  }

  #receive(what: string): void {
    if (!/^[0-9]/.test(what)) return this.transactions.onRequest(request(what), this.flow);
    if (this.client !== undefined) this.transactions.onResponse(SipResponse.to(this.client.request, Number(what)));
  }
}

interface Machine {
  readonly title: string;
  readonly transport: 'udp' | 'tcp';
  readonly method: string;
  /** By which events a state is reached; `running` is what waits in the wheel there. */
  readonly states: Readonly<Record<string, { readonly by: readonly string[]; readonly running: string }>>;
  readonly events: readonly string[];
  /** `state | event | next state | what is seen` */
  readonly rows: string;
}

const INVITE_CLIENT_EVENTS = [
  'receive 100',
  'receive 180',
  'receive 200',
  'receive 302',
  'receive 486',
  'receive 603',
  'repeat',
  'end',
  'cancel',
  'broken',
];
const NON_INVITE_CLIENT_EVENTS = INVITE_CLIENT_EVENTS;
const SERVER_EVENTS = [
  'respond 180',
  'respond 200',
  'respond 302',
  'respond 408',
  'respond 486',
  'respond 603',
  'repeat',
  'end',
  'broken',
];

const MACHINES: readonly Machine[] = [
  {
    title: 'INVITE client, unreliable (RFC 6026 figure 5)',
    transport: 'udp',
    method: 'INVITE',
    states: {
      calling: { by: ['send'], running: 'end 6400, repeat 100' },
      proceeding: { by: ['send', 'receive 180'], running: '' },
      completed: { by: ['send', 'receive 486'], running: 'end 32000' },
      accepted: { by: ['send', 'receive 200'], running: 'end 6400' },
      terminated: { by: ['send', 'end'], running: '' },
    },
    events: INVITE_CLIENT_EVENTS,
    rows: `
      calling    | repeat      | calling    | wire: INVITE
      calling    | end         | terminated | user: timeout, user: over
      calling    | receive 100 | proceeding | user: 100
      calling    | receive 180 | proceeding | user: 180
      calling    | receive 200 | accepted   | user: 200
      calling    | receive 302 | completed  | wire: ACK, user: 302
      calling    | receive 486 | completed  | wire: ACK, user: 486
      calling    | receive 603 | completed  | wire: ACK, user: 603
      proceeding | receive 100 | proceeding | user: 100
      proceeding | receive 180 | proceeding | user: 180
      proceeding | receive 200 | accepted   | user: 200
      proceeding | receive 302 | completed  | wire: ACK, user: 302
      proceeding | receive 486 | completed  | wire: ACK, user: 486
      proceeding | receive 603 | completed  | wire: ACK, user: 603
      proceeding | cancel      | proceeding | wire: CANCEL
      completed  | receive 302 | completed  | wire: ACK
      completed  | receive 486 | completed  | wire: ACK
      completed  | receive 603 | completed  | wire: ACK
      completed  | end         | terminated | user: over
      accepted   | receive 200 | accepted   | user: 200
      accepted   | end         | terminated | user: over`,
  },
  {
    title: 'INVITE client, reliable',
    transport: 'tcp',
    method: 'INVITE',
    states: {
      calling: { by: ['send'], running: 'end 6400' },
      proceeding: { by: ['send', 'receive 180'], running: '' },
      accepted: { by: ['send', 'receive 200'], running: 'end 6400' },
      terminated: { by: ['send', 'receive 486'], running: '' },
    },
    events: INVITE_CLIENT_EVENTS,
    rows: `
      calling    | end         | terminated | user: timeout, user: over
      calling    | broken      | terminated | user: error, user: over
      calling    | receive 100 | proceeding | user: 100
      calling    | receive 180 | proceeding | user: 180
      calling    | receive 200 | accepted   | user: 200
      calling    | receive 302 | terminated | wire: ACK, user: 302, user: over
      calling    | receive 486 | terminated | wire: ACK, user: 486, user: over
      calling    | receive 603 | terminated | wire: ACK, user: 603, user: over
      proceeding | receive 100 | proceeding | user: 100
      proceeding | receive 180 | proceeding | user: 180
      proceeding | receive 200 | accepted   | user: 200
      proceeding | receive 302 | terminated | wire: ACK, user: 302, user: over
      proceeding | receive 486 | terminated | wire: ACK, user: 486, user: over
      proceeding | receive 603 | terminated | wire: ACK, user: 603, user: over
      proceeding | cancel      | proceeding | wire: CANCEL
      accepted   | receive 200 | accepted   | user: 200
      accepted   | end         | terminated | user: over`,
  },
  {
    title: 'non-INVITE client, unreliable (RFC 3261 figure 6)',
    transport: 'udp',
    method: 'OPTIONS',
    states: {
      trying: { by: ['send'], running: 'end 6400, repeat 100' },
      proceeding: { by: ['send', 'receive 100'], running: 'end 6400, repeat 100' },
      completed: { by: ['send', 'receive 200'], running: 'end 5000' },
      terminated: { by: ['send', 'end'], running: '' },
    },
    events: NON_INVITE_CLIENT_EVENTS,
    rows: `
      trying     | repeat      | trying     | wire: OPTIONS
      trying     | end         | terminated | user: timeout, user: over
      trying     | receive 100 | proceeding | user: 100
      trying     | receive 180 | proceeding | user: 180
      trying     | receive 200 | completed  | user: 200
      trying     | receive 302 | completed  | user: 302
      trying     | receive 486 | completed  | user: 486
      trying     | receive 603 | completed  | user: 603
      proceeding | repeat      | proceeding | wire: OPTIONS
      proceeding | end         | terminated | user: timeout, user: over
      proceeding | receive 100 | proceeding | user: 100
      proceeding | receive 180 | proceeding | user: 180
      proceeding | receive 200 | completed  | user: 200
      proceeding | receive 302 | completed  | user: 302
      proceeding | receive 486 | completed  | user: 486
      proceeding | receive 603 | completed  | user: 603
      completed  | end         | terminated | user: over`,
  },
  {
    title: 'non-INVITE client, reliable',
    transport: 'tcp',
    method: 'OPTIONS',
    states: {
      trying: { by: ['send'], running: 'end 6400' },
      proceeding: { by: ['send', 'receive 100'], running: 'end 6400' },
      terminated: { by: ['send', 'receive 200'], running: '' },
    },
    events: NON_INVITE_CLIENT_EVENTS,
    rows: `
      trying     | end         | terminated | user: timeout, user: over
      trying     | broken      | terminated | user: error, user: over
      trying     | receive 100 | proceeding | user: 100
      trying     | receive 180 | proceeding | user: 180
      trying     | receive 200 | terminated | user: 200, user: over
      trying     | receive 302 | terminated | user: 302, user: over
      trying     | receive 486 | terminated | user: 486, user: over
      trying     | receive 603 | terminated | user: 603, user: over
      proceeding | end         | terminated | user: timeout, user: over
      proceeding | broken      | terminated | user: error, user: over
      proceeding | receive 100 | proceeding | user: 100
      proceeding | receive 180 | proceeding | user: 180
      proceeding | receive 200 | terminated | user: 200, user: over
      proceeding | receive 302 | terminated | user: 302, user: over
      proceeding | receive 486 | terminated | user: 486, user: over
      proceeding | receive 603 | terminated | user: 603, user: over`,
  },
  {
    title: 'INVITE server, unreliable (RFC 6026 figure 7)',
    transport: 'udp',
    method: 'INVITE',
    states: {
      proceeding: { by: ['receive INVITE'], running: 'repeat 200' },
      completed: { by: ['receive INVITE', 'respond 486'], running: 'end 6400, repeat 100' },
      confirmed: { by: ['receive INVITE', 'respond 486', 'receive ACK'], running: 'end 5000' },
      accepted: { by: ['receive INVITE', 'respond 200'], running: 'end 6400' },
      terminated: { by: ['receive INVITE', 'respond 486', 'end'], running: '' },
    },
    events: [...SERVER_EVENTS, 'receive INVITE', 'receive ACK', 'receive CANCEL'],
    rows: `
      proceeding | repeat         | proceeding | wire: 100
      proceeding | respond 180    | proceeding | wire: 180
      proceeding | respond 200    | accepted   | wire: 200
      proceeding | respond 302    | completed  | wire: 302
      proceeding | respond 408    | completed  | wire: 408
      proceeding | respond 486    | completed  | wire: 486
      proceeding | respond 603    | completed  | wire: 603
      proceeding | receive CANCEL | proceeding | wire: 200, user: cancelled
      completed  | receive INVITE | completed  | wire: 486
      completed  | repeat         | completed  | wire: 486
      completed  | end            | terminated | user: failure, user: over
      completed  | receive ACK    | confirmed  |
      completed  | receive CANCEL | completed  | wire: 200
      confirmed  | receive CANCEL | confirmed  | wire: 200
      confirmed  | end            | terminated | user: over
      accepted   | respond 200    | accepted   | wire: 200
      accepted   | receive ACK    | accepted   | user: ACK
      accepted   | receive CANCEL | accepted   | wire: 200
      accepted   | end            | terminated | user: over
      terminated | receive ACK    | terminated | user: ACK
      terminated | receive CANCEL | terminated | wire: 481`,
  },
  {
    title: 'INVITE server, reliable',
    transport: 'tcp',
    method: 'INVITE',
    states: {
      proceeding: { by: ['receive INVITE'], running: 'repeat 200' },
      completed: { by: ['receive INVITE', 'respond 486'], running: 'end 6400' },
      accepted: { by: ['receive INVITE', 'respond 200'], running: 'end 6400' },
      terminated: { by: ['receive INVITE', 'respond 486', 'receive ACK'], running: '' },
    },
    events: [...SERVER_EVENTS, 'receive INVITE', 'receive ACK'],
    rows: `
      proceeding | repeat         | proceeding | wire: 100
      proceeding | respond 180    | proceeding | wire: 180
      proceeding | respond 200    | accepted   | wire: 200
      proceeding | respond 302    | completed  | wire: 302
      proceeding | respond 408    | completed  | wire: 408
      proceeding | respond 486    | completed  | wire: 486
      proceeding | respond 603    | completed  | wire: 603
      completed  | receive INVITE | completed  | wire: 486
      completed  | end            | terminated | user: failure, user: over
      completed  | receive ACK    | terminated | user: over
      accepted   | respond 200    | accepted   | wire: 200
      accepted   | receive ACK    | accepted   | user: ACK
      accepted   | end            | terminated | user: over
      terminated | receive ACK    | terminated | user: ACK`,
  },
  {
    title: 'non-INVITE server, unreliable (RFC 3261 figure 8, RFC 4320)',
    transport: 'udp',
    method: 'OPTIONS',
    states: {
      // Timer E of a client is T2 after 100 + 200 + 400 + … + 3200 ms.
      trying: { by: ['receive OPTIONS'], running: 'end 6300' },
      proceeding: { by: ['receive OPTIONS', 'end'], running: 'end 100' },
      completed: { by: ['receive OPTIONS', 'respond 200'], running: 'end 6400' },
      terminated: { by: ['receive OPTIONS', 'end', 'end'], running: '' },
    },
    events: [...SERVER_EVENTS, 'receive OPTIONS'],
    rows: `
      trying     | end             | proceeding | wire: 100
      trying     | respond 200     | completed  | wire: 200, user: over
      trying     | respond 302     | completed  | wire: 302, user: over
      trying     | respond 486     | completed  | wire: 486, user: over
      trying     | respond 603     | completed  | wire: 603, user: over
      proceeding | receive OPTIONS | proceeding | wire: 100
      proceeding | respond 200     | completed  | wire: 200, user: over
      proceeding | respond 302     | completed  | wire: 302, user: over
      proceeding | respond 486     | completed  | wire: 486, user: over
      proceeding | respond 603     | completed  | wire: 603, user: over
      proceeding | end             | terminated | user: failure, user: over
      completed  | receive OPTIONS | completed  | wire: 200
      completed  | end             | terminated |`,
  },
  {
    title: 'non-INVITE server, reliable',
    transport: 'tcp',
    method: 'OPTIONS',
    states: {
      trying: { by: ['receive OPTIONS'], running: 'end 6300' },
      proceeding: { by: ['receive OPTIONS', 'end'], running: 'end 100' },
      terminated: { by: ['receive OPTIONS', 'respond 200'], running: '' },
    },
    events: SERVER_EVENTS,
    rows: `
      trying     | end         | proceeding | wire: 100
      trying     | respond 200 | terminated | wire: 200, user: over
      trying     | respond 302 | terminated | wire: 302, user: over
      trying     | respond 486 | terminated | wire: 486, user: over
      trying     | respond 603 | terminated | wire: 603, user: over
      proceeding | respond 200 | terminated | wire: 200, user: over
      proceeding | respond 302 | terminated | wire: 302, user: over
      proceeding | respond 486 | terminated | wire: 486, user: over
      proceeding | respond 603 | terminated | wire: 603, user: over
      proceeding | end         | terminated | user: failure, user: over`,
  },
];

function rowsOf({ rows }: Machine): ReadonlyMap<string, readonly [next: string, seen: string]> {
  const table = new Map<string, readonly [string, string]>();
  for (const line of rows.trim().split('\n')) {
    const [state = '', event = '', next = '', seen = ''] = line.split('|').map((cell) => cell.trim());
    table.set(`${state} ${event}`, [next, seen]);
  }
  return table;
}

function reach(t: ExecutionContext, machine: Machine, state: string): Bench {
  const bench = new Bench(machine.transport, machine.method);
  for (const event of machine.states[state]?.by ?? []) bench.do(event);
  t.is(bench.state, state);
  bench.take();
  return bench;
}

for (const machine of MACHINES) {
  const rows = rowsOf(machine);
  for (const [state, { running }] of Object.entries(machine.states)) {
    test(`${machine.title}: ${state}`, (t) => {
      t.is(reach(t, machine, state).running, running, 'timers');
      for (const event of machine.events) {
        // An INVITE or OPTIONS that finds no transaction any more is a new one.
        if (state === 'terminated' && event === `receive ${machine.method}`) continue;
        const bench = reach(t, machine, state);
        bench.do(event);
        const [next, seen] = rows.get(`${state} ${event}`) ?? [state, ''];
        t.is(bench.state, next, event);
        t.is(bench.take(), seen, event);
      }
    });
  }
  test(`${machine.title}: each row is of a state and an event`, (t) => {
    for (const key of rows.keys()) {
      const [state = '', ...event] = key.split(' ');
      t.true(state in machine.states && machine.events.includes(event.join(' ')), key);
    }
  });
}
