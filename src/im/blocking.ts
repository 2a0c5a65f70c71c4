import { Jid } from '#src/address/jid.ts';
import type { Host } from '#src/router/host.ts';
import type { Submission } from '#src/router/events.ts';
import { DROPPED, type Outcome, refused } from '#src/router/outcome.ts';
import type { Router } from '#src/router/router.ts';
import type { Registry } from '#src/session/registry.ts';
import { type Refusal, refuse } from '#src/stanza/conditions.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { json } from '#src/store/codec.ts';
import type { Store, Table } from '#src/store/store.ts';
import type { Presence } from './presence.ts';

declare module '#src/hooks/hooks.ts' {
  interface Notices {
    /** Addresses were blocked or unblocked: interested sessions are pushed the change (XEP-0191 section 3). */
    'blocking/changed': { readonly account: Jid; readonly blocked: boolean; readonly addresses: readonly string[] };
  }
}

declare module '#src/plugin/contracts.ts' {
  interface Services {
    readonly blocking: Blocking;
  }
}

export interface BlockingLimits {
  /** Addresses that one account may block. */
  blocked(host: string): number;
}

/** XEP-0191 section 3.3: the sender is told no more than that nobody is there. */
const HIDDEN = refused(refuse('service-unavailable'));
/** As the example of section 3.3 has it: of type "cancel". */
const OWN = refused({
  condition: 'not-acceptable',
  type: 'cancel',
  detail: "<blocked xmlns='urn:xmpp:blocking:errors'/>",
});
const NOBODY: ReadonlySet<string> = new Set();

/** The block lists of all accounts (XEP-0191), in force for every protocol because the router asks. */
export class Blocking {
  readonly #rows: Table<readonly string[]>;
  readonly #limits: BlockingLimits;
  readonly #router: Router;
  readonly #registry: Registry;
  readonly #presence: Presence;
  /** The lists of accounts that block somebody; absent means not read yet. Bounded by `CACHED`. */
  readonly #cache = new Map<string, ReadonlySet<string>>();

  constructor(store: Store, limits: BlockingLimits, router: Router, registry: Registry, presence: Presence) {
    this.#rows = store.table('blocking', json<readonly string[]>());
    this.#limits = limits;
    this.#router = router;
    this.#registry = registry;
    this.#presence = presence;
  }

  serve(host: Host): readonly Disposable[] {
    return [
      host.hooks.decision('stanza/outbound').add('guard', (submission) => this.#judgeOutbound(submission)),
      host.hooks.decision('stanza/inbound').add('guard', (stanza) => this.#judgeInbound(stanza)),
      host.hooks
        .decision('presence/withheld')
        .add('main', ({ account, contact }) => (this.blocks(account, contact) ? true : undefined)),
      host.hooks.notice('account/removed').add('main', ({ host: domain, local }) => this.#drop(domain, local)),
    ];
  }

  list(account: Jid): ReadonlySet<string> {
    const cached = this.#cache.get(account.bare);
    if (cached !== undefined) return cached;
    const stored = this.#rows.get([account.domain, account.local]);
    const addresses = stored === undefined ? NOBODY : new Set(stored);
    this.#remember(account.bare, addresses);
    return addresses;
  }

  /** XEP-0191 section 6: a blocked address covers its resources, a blocked domain all of its users. */
  blocks(account: Jid, other: Jid): boolean {
    const addresses = this.list(account);
    if (addresses.size === 0) return false;
    return (
      addresses.has(other.full) ||
      addresses.has(other.bare) ||
      addresses.has(other.domain) ||
      (other.resource !== '' && addresses.has(`${other.domain}/${other.resource}`))
    );
  }

  /** Adds to the list. Whoever saw the account's presence sees it go (section 3.3). */
  block(account: Jid, addresses: readonly Jid[]): Refusal | undefined {
    const old = this.list(account);
    const fresh = addresses.filter(({ full }) => !old.has(full));
    if (old.size + fresh.length > this.#limits.blocked(account.domain)) {
      return refuse('resource-constraint', 'the block list is full');
    }
    for (const address of fresh) this.#presence.withdraw(account, address);
    this.#write(account, new Set([...old, ...fresh.map(({ full }) => full)]));
    this.#tell(account, true, addresses);
    return undefined;
  }

  /** Takes off the list, or empties it when none are named. Whoever may see the account's presence sees it again (section 3.4). */
  unblock(account: Jid, addresses: readonly Jid[]): void {
    const old = this.list(account);
    const named = new Set(addresses.map(({ full }) => full));
    const kept = addresses.length === 0 ? [] : [...old].filter((address) => !named.has(address));
    const freed = [...old].filter((address) => !kept.includes(address));
    this.#write(account, new Set(kept));
    for (const address of freed) {
      const jid = Jid.parse(address);
      if (jid !== undefined) this.#presence.restore(account, jid);
    }
    this.#tell(account, false, addresses);
  }

  #judgeOutbound({ session, stanza }: Submission): Outcome | undefined {
    const { to } = stanza;
    if (to === undefined || !this.blocks(session.jid, to) || to.bare === session.jid.bare) return undefined;
    // Answers to requests that came in before are dropped; what the user sends is refused (section 3.3).
    if (stanza.type === 'error' || stanza.type === 'result') return DROPPED;
    return stanza.kind === 'presence' && stanza.type === 'unavailable' ? undefined : OWN;
  }

  #judgeInbound(stanza: Stanza): Outcome | undefined {
    const { from, to } = stanza;
    if (from === undefined || to === undefined || from.bare === to.bare || !this.blocks(to, from)) return undefined;
    // The host itself answers its users, whatever they block.
    if (from.bare === to.domain) return undefined;
    if (stanza.kind === 'presence' || stanza.type === 'error' || stanza.type === 'result') return DROPPED;
    // What any account without resources does with it: the user appears offline (section 3.3).
    if (stanza.kind === 'message' && stanza.messageType === 'headline' && to.isBare) return DROPPED;
    return HIDDEN;
  }

  #tell(account: Jid, blocked: boolean, addresses: readonly Jid[]): void {
    const notice = this.#router.host(account.domain)?.hooks.notice('blocking/changed');
    notice?.tell({ account, blocked, addresses: addresses.map(({ full }) => full) });
  }

  #write(account: Jid, addresses: ReadonlySet<string>): void {
    this.#remember(account.bare, addresses);
    if (addresses.size === 0) this.#rows.delete([account.domain, account.local]);
    else this.#rows.put([account.domain, account.local], [...addresses]);
  }

  #drop(domain: string, local: string): void {
    this.#cache.delete(`${local}@${domain}`);
    this.#rows.delete([domain, local]);
  }

  #remember(bare: string, addresses: ReadonlySet<string>): void {
    this.#cache.delete(bare);
    this.#cache.set(bare, addresses);
    // Those who are online stay cheap to judge; the rest is read again when needed.
    if (this.#cache.size <= CACHED) return;
    for (const [oldest] of this.#cache) {
      if (this.#registry.of(oldest).length > 0 && this.#cache.size <= 2 * CACHED) continue;
      this.#cache.delete(oldest);
      return;
    }
  }
}

const CACHED = 10_000;
