/** RFC 7622: the address format of XMPP, and Trivium's one address for every protocol. */
import { MALFORMED, MAX_PART, NOT_ASCII, scanDomain, scanLocal, scanResource } from '#src/address/ascii.ts';
import { GenerationCache, ownText } from '#src/address/cache.ts';
import { prepDomain } from '#src/address/idna.ts';
import { MAX_RAW_PART } from '#src/address/mapping.ts';
import { prepLocal, prepResource } from '#src/address/precis.ts';

const AT = 0x40;
const SLASH = 0x2f;

// Room for the three parts and their separators.
const scratch = Buffer.alloc(3 * MAX_PART + 2);

// Three parts, two separators and a trailing dot.
const MAX_TEXT = 3 * MAX_RAW_PART + 3;

// Longer texts are parsed each time, so that a hostile peer cannot fill the memo with megabytes.
const MAX_CACHED_LENGTH = 256;

/** A valid address in canonical form: two are the same address exactly when their `full` strings are equal. Immutable. */
export class Jid {
  static readonly #parsed = new GenerationCache<Jid>(10_000);

  /** Only this class makes addresses, so every one is canonical. */
  declare private readonly canonical: true;
  /** Localpart, '' when absent. */
  readonly local: string;
  readonly domain: string;
  /** Resourcepart, '' when absent. */
  readonly resource: string;
  /** `local@domain` or `domain`: the key of an account, a room or a service. */
  readonly bare: string;
  /** `bare` or `bare/resource`. */
  readonly full: string;

  private constructor(local: string, domain: string, resource: string, bare: string, full: string) {
    this.local = local;
    this.domain = domain;
    this.resource = resource;
    this.bare = bare;
    this.full = full;
    Object.freeze(this);
  }

  /** The address that `text` denotes, undefined when it is malformed (`jid-malformed`, RFC 6120 section 8.3.3.8). Memoised. */
  static parse(text: string): Jid | undefined {
    if (text.length > MAX_TEXT) return undefined;
    const known = Jid.#parsed.get(text);
    if (known !== undefined) return known;
    const jid = Jid.#parse(text);
    if (jid === undefined || text.length > MAX_CACHED_LENGTH) return jid;
    Jid.#parsed.set(text === jid.full ? jid.full : ownText(text), jid);
    return jid;
  }

  /** The address with these parts, each enforced by its profile; '' is an absent localpart or resourcepart. */
  static make(local: string, domain: string, resource = ''): Jid | undefined {
    const host = prepDomain(domain);
    const user = local === '' ? '' : prepLocal(local);
    const device = resource === '' ? '' : prepResource(resource);
    if (host === undefined || user === undefined || device === undefined) return undefined;
    return Jid.#join(user, host, device);
  }

  static #join(local: string, domain: string, resource: string): Jid {
    const bare = local === '' ? domain : `${local}@${domain}`;
    return new Jid(local, domain, resource, bare, resource === '' ? bare : `${bare}/${resource}`);
  }

  static #parse(text: string): Jid | undefined {
    // Section 3.2: "Remove any portion from the first '/' character to the end of the string", then
    // "from the beginning of the string to the first '@' character".
    const slash = text.indexOf('/');
    const bareEnd = slash < 0 ? text.length : slash;
    let at = text.indexOf('@');
    if (at >= bareEnd) at = -1;
    if (at === 0 || slash === text.length - 1) return undefined;
    const jid = Jid.#scan(text, at, bareEnd);
    if (jid !== NOT_ASCII) return jid;
    const local = at < 0 ? '' : text.slice(0, at);
    const resource = slash < 0 ? '' : text.slice(slash + 1);
    return Jid.make(local, text.slice(at + 1, bareEnd), resource);
  }

  // The canonical text is gathered in one buffer and read back once, so that it shares no memory with `text`.
  static #scan(text: string, at: number, bareEnd: number): Jid | undefined | typeof NOT_ASCII {
    let local = 0;
    if (at >= 0) {
      local = scanLocal(text, 0, at, scratch, 0);
      if (local < 0) return local === MALFORMED ? undefined : NOT_ASCII;
      scratch[local] = AT;
    }
    const domain = local === 0 ? 0 : local + 1;
    const bare = scanDomain(text, at + 1, bareEnd, scratch, domain);
    if (bare < 0) return bare === MALFORMED ? undefined : NOT_ASCII;
    let end = bare;
    if (bareEnd < text.length) {
      scratch[bare] = SLASH;
      end = scanResource(text, bareEnd + 1, text.length, scratch, bare + 1);
      if (end < 0) return end === MALFORMED ? undefined : NOT_ASCII;
    }
    const full = scratch.toString('latin1', 0, end);
    return new Jid(
      full.slice(0, local),
      full.slice(domain, bare),
      end === bare ? '' : full.slice(bare + 1),
      end === bare ? full : full.slice(0, bare),
      full,
    );
  }

  /** Whether there is no resourcepart. */
  get isBare(): boolean {
    return this.resource === '';
  }

  asBare(): Jid {
    return this.isBare ? this : new Jid(this.local, this.domain, '', this.bare, this.bare);
  }

  asDomain(): Jid {
    return this.full === this.domain ? this : new Jid('', this.domain, '', this.domain, this.domain);
  }

  /** This address with another resourcepart; undefined when `resource` is empty or malformed. */
  withResource(resource: string): Jid | undefined {
    const device = prepResource(resource);
    return device === undefined ? undefined : Jid.#join(this.local, this.domain, device);
  }

  equals(other: Jid): boolean {
    return this.full === other.full;
  }

  /** The full address. */
  toString(): string {
    return this.full;
  }
}
