import { Wire } from './client-wire.ts';
import type { Node } from './stream-reader.ts';

const SM = 'urn:xmpp:sm:3';
const STANZAS: ReadonlySet<string> = new Set(['message', 'presence', 'iq']);
const TRACE = 300;

export interface SmClientOptions {
  readonly port: number;
  readonly domain: string;
  readonly user: string;
  readonly password: string;
  readonly resource: string;
  /** Use stream management (XEP-0198), resumable; without it nothing is kept or counted. */
  readonly managed: boolean;
  /** Send `<a/>` unasked after so many stanzas; 0 answers `<r/>` only. */
  readonly acknowledgeEvery: number;
  readonly onStanza: (stanza: Node, client: SmClient) => void;
  /** An established stream was lost, by whomever. */
  readonly onLost?: (client: SmClient, error: Error) => void;
  /** The server broke XEP-0198. */
  readonly onViolation?: (text: string, client: SmClient) => void;
}

/** How a connection came about: `failed` is a new session because the server would not resume the old one. */
export type Connected = 'new' | 'resumed' | 'failed';

/**
 * An XMPP client whose session outlives its connections, exactly as XEP-0198 has it: what it sent and the server did not
 * acknowledge is kept and sent again after resumption, what it received is counted.
 */
export class SmClient {
  readonly options: SmClientOptions;
  /** Stanzas sent since stream management was enabled, of which the server acknowledged `acknowledged`. */
  sent = 0;
  acknowledged = 0;
  /** Stanzas received and handled: our `h`. */
  handled = 0;
  #smId: string | undefined;
  readonly #unacknowledged: string[] = [];
  /** Of `sent`, those that went over some wire: the server cannot have handled more. */
  #written = 0;
  #wire: Wire | undefined;
  #up = false;
  #askedAt = 0;
  #unreported = 0;
  readonly #answers = new Map<string, PromiseWithResolvers<Node>>();
  #ids = 0;
  #trace: string[] = [];

  constructor(options: SmClientOptions) {
    this.options = options;
  }

  get bare(): string {
    return `${this.options.user}@${this.options.domain}`;
  }

  get full(): string {
    return `${this.bare}/${this.options.resource}`;
  }

  /** The session is established and its stream open. */
  get up(): boolean {
    return this.#up;
  }

  /** There is a session that the server promised to resume. */
  get resumable(): boolean {
    return this.#smId !== undefined;
  }

  /** The stanzas sent and not yet acknowledged, oldest first; without stream management nothing is known of that. */
  get unacknowledged(): readonly string[] {
    return this.#unacknowledged;
  }

  /** The latest of what went over the wire, oldest first. */
  get trace(): readonly string[] {
    return this.#trace;
  }

  /** Connects, authenticates, and resumes the session or makes a new one, which sends presence unless told otherwise. */
  async connect(presence = true): Promise<Connected> {
    const { domain, port, user, password } = this.options;
    this.drop();
    const wire = await Wire.open(port, domain, {
      onNode: (node) => this.#dispatch(node),
      onLost: (error, lost) => this.#lost(lost, error),
      onTrace: (text) => this.#note(text),
    });
    this.#wire = wire;
    try {
      await wire.openStream();
      await wire.authenticate({ user, password });
      const result = await this.#establish(wire);
      if (result !== 'resumed' && presence) this.send('<presence/>');
      return result;
    } catch (error) {
      wire.destroy();
      throw error;
    }
  }

  /** Sends a stanza. Under stream management it may be given while there is no stream: it goes out after resumption. */
  send(xml: string): void {
    if (this.#smId !== undefined) {
      this.#unacknowledged.push(xml);
      this.sent += 1;
    }
    if (!this.#up) return;
    this.#wire?.write(xml);
    this.#written = this.sent;
  }

  /** Sends a request and settles with its answer, also when that comes after a resumption. Rejects when none can come any more. */
  request(type: 'get' | 'set', payload: string, to?: string): Promise<Node> {
    const id = `${this.options.resource}-${(this.#ids += 1)}`;
    const answer = Promise.withResolvers<Node>();
    this.#answers.set(id, answer);
    this.send(`<iq type='${type}' id='${id}'${to === undefined ? '' : ` to='${to}'`}>${payload}</iq>`);
    return answer.promise;
  }

  /** Asks for an acknowledgement when something awaits one that was not asked for. */
  ask(): void {
    if (!this.#up || this.#smId === undefined || this.#askedAt === this.sent) return;
    this.#askedAt = this.sent;
    this.#wire?.write(`<r xmlns='${SM}'/>`);
  }

  /** Tells the server what was handled. */
  acknowledge(): void {
    if (!this.#up || this.#smId === undefined) return;
    this.#unreported = 0;
    this.#wire?.write(`<a xmlns='${SM}' h='${this.handled}'/>`);
  }

  /** Cuts the connection, as a network does; the session can be resumed. */
  drop(): void {
    this.#wire?.destroy();
    this.#wire = undefined;
  }

  /** Ends the session on purpose (XEP-0198 section 6) and waits for the server to close the connection. */
  async close(): Promise<void> {
    if (!this.#up) return;
    this.acknowledge();
    await this.#wire?.close();
  }

  /** XEP-0198 section 5: resume if there is something to resume, else bind and enable. */
  async #establish(wire: Wire): Promise<Connected> {
    const previous = this.#smId;
    if (previous !== undefined) {
      wire.write(`<resume xmlns='${SM}' h='${this.handled}' previd='${previous}'/>`);
      const answer = await wire.next();
      if (answer.name === 'resumed') {
        this.#acknowledgedBy(answer);
        this.#begin(wire);
        return 'resumed';
      }
      if (answer.name !== 'failed') throw new Error(`resumption answered with <${answer.name}/>`);
    }
    await wire.bind(this.options.resource);
    if (this.options.managed) {
      wire.write(`<enable xmlns='${SM}' resume='true'/>`);
      const enabled = await wire.expect('enabled');
      this.#smId = enabled.attributes.get('id');
      if (this.#smId === undefined) throw new Error('the server does not let sessions be resumed');
      this.handled = 0;
      this.acknowledged = 0;
      this.sent = this.#unacknowledged.length;
    }
    this.#begin(wire);
    return previous === undefined ? 'new' : 'failed';
  }

  /** Stanzas flow: first those that the server does not have, in one turn, so that nothing gets between. */
  #begin(wire: Wire): void {
    this.#askedAt = -1;
    this.#unreported = 0;
    this.#up = true;
    for (const xml of this.#unacknowledged) wire.write(xml);
    this.#written = this.sent;
    wire.flow();
  }

  #lost(wire: Wire, error: Error): void {
    if (this.#wire !== wire) return;
    const was = this.#up;
    this.#up = false;
    this.#wire = undefined;
    if (this.#smId === undefined) {
      for (const { reject } of this.#answers.values()) reject(error);
      this.#answers.clear();
    }
    if (was) this.options.onLost?.(this, error);
  }

  #dispatch(node: Node): void {
    if (node.xmlns === SM) {
      if (node.name === 'a') this.#acknowledgedBy(node);
      else if (node.name === 'r') this.acknowledge();
      return;
    }
    if (!STANZAS.has(node.name)) return;
    this.#handle(node);
    if (this.#smId === undefined) return;
    this.handled += 1;
    this.#unreported += 1;
    const { acknowledgeEvery } = this.options;
    if (acknowledgeEvery > 0 && this.#unreported >= acknowledgeEvery) this.acknowledge();
  }

  /** Answers are handed to who asked; a request such as a roster push is answered (RFC 6120 section 8.2.3). */
  #handle(stanza: Node): void {
    this.options.onStanza(stanza, this);
    if (stanza.name !== 'iq') return;
    const type = stanza.attributes.get('type');
    const id = stanza.attributes.get('id') ?? '';
    if (type === 'set' || type === 'get') return this.send(`<iq type='result' id='${id}'/>`);
    const answer = this.#answers.get(id);
    this.#answers.delete(id);
    answer?.resolve(stanza);
  }

  /** Section 4: `h` only grows, and never beyond what was sent. */
  #acknowledgedBy({ attributes, name }: Node): void {
    const h = Number(attributes.get('h'));
    const violation = (text: string): void =>
      this.options.onViolation?.(`<${name} h='${attributes.get('h')}'/> ${text}`, this);
    if (!Number.isInteger(h)) return violation('is no number');
    if (h > this.#written) return violation(`claims more than the ${this.#written} stanzas sent`);
    if (h < this.acknowledged) return violation(`takes back what was acknowledged: ${this.acknowledged}`);
    this.#unacknowledged.splice(0, h - this.acknowledged);
    this.acknowledged = h;
  }

  #note(text: string): void {
    if (this.#trace.length >= TRACE * 2) this.#trace = this.#trace.slice(-TRACE);
    this.#trace.push(`${Date.now()} ${text.length > 2000 ? `${text.slice(0, 2000)}…` : text}`);
  }
}
