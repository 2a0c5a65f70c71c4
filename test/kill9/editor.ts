import { SmClient, type SmClientOptions } from '#test/helpers/sm-client.ts';
import { childOf, type Node } from '#test/helpers/stream-reader.ts';
import type { Findings } from './ledger.ts';
import type { Random } from './random.ts';

const ROSTER = 'jabber:iq:roster';
const CONTACTS = 25;
const GROUPS = ['Friends', 'Family', 'Work', 'Übung & Spiel'];
/** Changes on their way at the same time. */
const WINDOW = 4;

/** A contact's name and groups as one text, to compare; undefined for none. */
type Entry = string | undefined;

interface Change {
  readonly jid: string;
  readonly entry: Entry;
}

/** A user who edits the contact list; a change is acknowledged by its result (RFC 6121 section 2.1.5). */
export class Editor {
  readonly client: SmClient;
  readonly #options: SmClientOptions;
  readonly #random: Random;
  readonly #findings: Findings;
  /** What the server has answered with a result. */
  readonly #acknowledged = new Map<string, Entry>();
  /** Changes without an answer, oldest first. */
  #pending: Change[] = [];
  /** What roster pushes have told (section 2.1.6). */
  #mirror = new Map<string, Entry>();
  changes = 0;

  constructor(options: Omit<SmClientOptions, 'onStanza'>, random: Random, findings: Findings) {
    this.#options = { ...options, onStanza: (stanza) => this.#pushed(stanza) };
    this.client = new SmClient(this.#options);
    this.#random = random;
    this.#findings = findings;
  }

  get pending(): number {
    return this.#pending.length;
  }

  /** Reads the roster of a new session, which makes it one that is sent pushes. */
  async begin(): Promise<void> {
    this.#mirror = itemsOf(await this.client.request('get', `<query xmlns='${ROSTER}'/>`));
  }

  /** Adds, renames, regroups or removes a contact, if not too many changes await their answer. */
  edit(): void {
    if (!this.client.up || this.#pending.length >= WINDOW) return;
    const jid = `contact${Math.floor(this.#random.next() * CONTACTS)}@example.net`;
    const before = this.#pending.findLast((change) => change.jid === jid) ?? { entry: this.#acknowledged.get(jid) };
    const removes = before.entry !== undefined && this.#random.next() < 0.3;
    const name = `Name ${(this.changes += 1)}`;
    const groups = GROUPS.filter(() => this.#random.next() < 0.4);
    const change: Change = { jid, entry: removes ? undefined : entryOf(name, groups) };
    const inner = groups.map((group) => `<group>${group.replace('&', '&amp;')}</group>`).join('');
    const item = removes
      ? `<item jid='${jid}' subscription='remove'/>`
      : `<item jid='${jid}' name='${name}'>${inner}</item>`;
    this.#pending.push(change);
    this.client.request('set', `<query xmlns='${ROSTER}'>${item}</query>`).then(
      (answer) => this.#answered(change, answer),
      // Without stream management nobody knows now: the next reading tells.
      () => undefined,
    );
  }

  #answered(change: Change, answer: Node): void {
    if (this.#pending[0] !== change)
      this.#findings.add(`${this.client.bare}: a change of the roster was answered before an earlier one`);
    this.#pending = this.#pending.filter((one) => one !== change);
    if (answer.attributes.get('type') === 'result') this.#acknowledged.set(change.jid, change.entry);
    else this.#findings.add(`${this.client.bare}: a change of the roster was refused: ${describe(answer)}`);
  }

  #pushed(stanza: Node): void {
    if (stanza.name !== 'iq' || stanza.attributes.get('type') !== 'set') return;
    for (const [jid, entry] of itemsOf(stanza)) this.#mirror.set(jid, entry);
  }

  /** Reads the roster over a connection of its own, and compares: each contact is as acknowledged, or as a later unanswered change has it. */
  async check(when: string): Promise<void> {
    const actual = await this.#read();
    for (const jid of new Set([...actual.keys(), ...this.#acknowledged.keys()])) {
      const later = this.#pending.filter((change) => change.jid === jid).map(({ entry }) => entry);
      const allowed = [this.#acknowledged.get(jid), ...later];
      if (allowed.includes(actual.get(jid))) continue;
      this.#findings.add(
        `${this.client.bare}, ${when}: ${jid} is ${actual.get(jid) ?? 'absent'}, not ${allowed.map((entry) => entry ?? 'absent').join(' or ')}`,
      );
    }
    if (this.client.options.managed) return;
    for (const { jid } of this.#pending) this.#acknowledged.set(jid, actual.get(jid));
    this.#pending = [];
  }

  /** In the end nothing is pending, and what the pushes told is what the server has. */
  async checkFinal(): Promise<void> {
    if (this.#pending.length > 0)
      this.#findings.add(`${this.client.bare}: ${this.#pending.length} changes of the roster were never answered`);
    await this.check('at the end');
    for (const jid of new Set([...this.#mirror.keys(), ...this.#acknowledged.keys()])) {
      const told = this.#mirror.get(jid);
      const known = this.#acknowledged.get(jid);
      if (told !== known)
        this.#findings.add(
          `${this.client.bare}: the pushes end with ${jid} as ${told ?? 'absent'}, the roster has ${known ?? 'absent'}`,
        );
    }
  }

  async #read(): Promise<Map<string, Entry>> {
    const reader = new SmClient({
      ...this.#options,
      resource: 'reader',
      managed: false,
      onStanza: () => undefined,
      onLost: () => undefined,
    });
    await reader.connect(false);
    const items = itemsOf(await reader.request('get', `<query xmlns='${ROSTER}'/>`));
    await reader.close();
    return items;
  }
}

function entryOf(name: string, groups: readonly string[]): string {
  return `"${name}" in [${groups.toSorted().join(', ')}]`;
}

function itemsOf(stanza: Node): Map<string, Entry> {
  const items = childOf(stanza, 'query')?.children ?? [];
  return new Map(
    items.map(({ attributes, children }) => {
      const removed = attributes.get('subscription') === 'remove';
      const groups = children.filter(({ name }) => name === 'group').map(({ text }) => text);
      return [attributes.get('jid') ?? '', removed ? undefined : entryOf(attributes.get('name') ?? '', groups)];
    }),
  );
}

/** The condition and the text of an error. */
export function describe(stanza: Node): string {
  const parts = childOf(stanza, 'error')?.children ?? [];
  return parts.map(({ name, text }) => (name === 'text' ? text : name)).join(': ');
}
