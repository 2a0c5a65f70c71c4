import { parseArgs } from 'node:util';

export interface Options {
  readonly rounds: number;
  readonly seed: number;
  /** Messages a second, over all senders. */
  readonly rate: number;
  /** Seconds of load before the server is killed, at most. */
  readonly load: number;
  readonly signal: 'kill' | 'term' | 'mix';
  /** Pairs of users who are online, under stream management, and write to each other. */
  readonly pairs: number;
  /** Accounts that nobody uses for long: half of them until the end, half come in the midst of a round. */
  readonly offline: number;
  /** Users who come and go. */
  readonly commuters: number;
  /** Users who edit their contact list. */
  readonly editors: number;
  /** Pairs without stream management. */
  readonly plain: number;
  /** Connections that break a second, while the server is well. */
  readonly drops: number;
  /** MQTT: clients that publish, and clients with durable sessions that subscribe to them. SIP: phones that send, and phones that are registered. */
  readonly publishers: number;
  readonly subscribers: number;
  /** MQTT: milliseconds that a write to the disk takes longer in every second round, at most. */
  readonly slow: number;
  readonly protocol: 'xmpp' | 'mqtt' | 'sip' | 'bridge' | 'all';
  readonly server: string;
  /** Keep the data and the log also when all is well. */
  readonly keep: boolean;
}

const NUMBERS = {
  rounds: 20,
  rate: 1000,
  load: 3,
  pairs: 20,
  offline: 10,
  commuters: 4,
  editors: 6,
  plain: 3,
  drops: 2,
  publishers: 6,
  subscribers: 6,
  slow: 60,
} as const;
type NumberName = keyof typeof NUMBERS;

export const USAGE = `npm run kill9 -- [options]: load, kill -9, restart; nothing acknowledged may be lost
  --rounds 20       kills and restarts
  --seed N          of the random numbers; printed, so that a run can be repeated
  --rate 1000       messages a second
  --load 3          seconds of load a round, at most
  --signal kill     kill (SIGKILL), term (SIGTERM, an orderly stop) or mix
  --pairs 20        pairs of online users with stream management
  --offline 10      accounts that are offline, half of them until the end
  --commuters 4     users who come and go
  --editors 6       users who edit their contact list
  --plain 3         pairs of users without stream management, to whom nothing is promised
  --drops 2         connections that break each second
  --protocol all    xmpp, mqtt, sip, bridge (from each to each) or all, one after the other
  --publishers 6    clients of MQTT that publish at QoS 1 and 2; phones that send
  --subscribers 6   clients of MQTT with a durable session; phones that are registered
  --slow 60         milliseconds that a write to the disk takes longer in every second round over MQTT, at most
  --server trivium  or ejabberd, prosody (XMPP), mosquitto (MQTT), which are expected to fail: they keep in memory what they acknowledge
  --keep            keep the data and the log`;

const isProtocol = (text: string): text is Options['protocol'] =>
  ['xmpp', 'mqtt', 'sip', 'bridge', 'all'].includes(text);

/** @throws TypeError for what is unknown or no number */
export function readOptions(args: readonly string[]): Options | 'help' {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: text,
      rate: text,
      load: text,
      pairs: text,
      offline: text,
      commuters: text,
      editors: text,
      plain: text,
      drops: text,
      publishers: text,
      subscribers: text,
      slow: text,
      protocol: { ...text, default: 'all' },
      seed: text,
      signal: { ...text, default: 'kill' },
      server: { ...text, default: 'trivium' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { keep, protocol, server, signal } = values;
  if (signal !== 'kill' && signal !== 'term' && signal !== 'mix') throw new TypeError('--signal is kill, term or mix');
  if (!isProtocol(protocol)) throw new TypeError('--protocol is xmpp, mqtt, sip, bridge or all');
  const number = (name: NumberName | 'seed', fallback: number): number => {
    const given = values[name];
    const value = given === undefined ? fallback : Number(given);
    if (!Number.isFinite(value) || value < 0 || given === '') throw new TypeError(`--${name} takes a number`);
    return value;
  };
  const numbers = Object.fromEntries(
    Object.entries(NUMBERS).map(([name, fallback]) => [name, number(name as NumberName, fallback)]),
  );
  const seed = number('seed', Math.floor(Math.random() * 1_000_000));
  return { ...(numbers as Record<NumberName, number>), seed, signal, protocol, server, keep };
}
