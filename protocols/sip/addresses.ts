import { Jid } from '#src/address/jid.ts';
import { jidFromSipUri, sipUriFromJid } from '#src/address/uri.ts';
import type { NodeKey } from '#src/accounts/node-key.ts';
import { SipUri } from './message/uri.ts';

const TEMPORARY = 'tgruu.';
const CONTEXT = 'sip-temporary-gruu';

/** Whom a URI of this server means. */
export type Addressee =
  /** The server itself, or a host of it. */
  | { readonly kind: 'host'; readonly domain: string }
  /** An account, with a resource when the URI is a public GRUU. It may not exist. */
  | { readonly kind: 'account'; readonly jid: Jid }
  /** One device, by a temporary GRUU that was made with this word. */
  | { readonly kind: 'temporary'; readonly jid: Jid; readonly word: string };

export interface AddressesOptions {
  /** The hosts that are served, by canonical name; the first stands for the addresses of this machine. */
  readonly hosts: readonly string[];
  readonly key: NodeKey;
  /** Does a listener of ours stand there? */
  isOwn(host: string, port: number | undefined): boolean;
}

/** The URIs of this server: addresses-of-record (RFC 7247 section 6), GRUUs (RFC 5627), the server by its IP address. */
export class Addresses {
  readonly #hosts: ReadonlySet<string>;
  /** The host that stands for the addresses of this machine. */
  readonly first: string;
  readonly #options: AddressesOptions;

  constructor(options: AddressesOptions) {
    const [first] = options.hosts;
    if (first === undefined) throw new Error('the server has no host');
    this.#hosts = new Set(options.hosts);
    this.first = first;
    this.#options = options;
  }

  /** A host of ours, by its canonical name. */
  serves(domain: string): boolean {
    return this.#hosts.has(domain);
  }

  /** The served host that a URI belongs to; undefined for one that is elsewhere. */
  domain({ host, port }: SipUri): string | undefined {
    if (this.#hosts.has(host)) return host;
    const domain = Jid.make('', host)?.domain;
    if (domain !== undefined && this.#hosts.has(domain)) return domain;
    return this.#options.isOwn(host, port) ? this.first : undefined;
  }

  /** Undefined for a URI that is elsewhere; 'malformed' for a user part that no account can have. */
  resolve(uri: SipUri): Addressee | 'malformed' | undefined {
    const domain = this.domain(uri);
    if (domain === undefined) return undefined;
    if (uri.user === '') return { kind: 'host', domain };
    if (uri.user.startsWith(TEMPORARY) && uri.param('gr') !== undefined) {
      const opened = this.#open(uri.user.slice(TEMPORARY.length), domain);
      if (opened !== undefined) return opened;
    }
    const text = uri.host === domain ? uri.toString() : uri.with({ host: domain, port: undefined }).toString();
    const jid = jidFromSipUri(text);
    return jid === undefined ? 'malformed' : { kind: 'account', jid };
  }

  /** Do two URIs mean the same, also where a proxy on the way has written one of them anew (RFC 7616 section 3.4.6)? */
  sameResource(one: string, other: string): boolean {
    if (one === other) return true;
    const [first, second] = [SipUri.parse(one), SipUri.parse(other)];
    if (first === undefined || second === undefined) return false;
    return first.equals(second) || (first.user === second.user && this.domain(first) === this.domain(second));
  }

  /** The address-of-record of an account, or the public GRUU of its device. */
  uri(jid: Jid): string {
    return sipUriFromJid(jid);
  }

  /**
   * RFC 5627 appendix A.2: nobody but this server can tell whose it is, nor that two of them are the same device's.
   * @param word what it holds with: see `Binding.gruu`
   */
  temporary({ domain, local, resource }: Jid, word: string): string {
    const sealed = this.#options.key.seal(Buffer.from(`${local}\0${resource}\0${word}`), `${CONTEXT}\0${domain}`);
    return `${sipUriFromJid(this.#hostJid(domain)).replace(':', `:${TEMPORARY}${sealed.toString('base64url')}@`)};gr`;
  }

  #open(text: string, domain: string): Addressee | undefined {
    const opened = this.#options.key.open(Buffer.from(text, 'base64url'), `${CONTEXT}\0${domain}`);
    const [local = '', resource = '', word = ''] = opened?.toString().split('\0') ?? [];
    const jid = local === '' ? undefined : Jid.make(local, domain, resource);
    return jid === undefined ? undefined : { kind: 'temporary', jid, word };
  }

  #hostJid(domain: string): Jid {
    const jid = Jid.make('', domain);
    if (jid === undefined) throw new Error(`${domain} is no domain name`);
    return jid;
  }
}
