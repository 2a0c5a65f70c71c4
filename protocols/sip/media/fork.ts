/** One branch of an INVITE that is relayed: the ports that its callee is told of, and the dialogs that came of it. */
import type { Buffer } from 'node:buffer';
import { RelayedDialog } from './dialog.ts';
import type { Party } from './party.ts';
import { type CallName, placeOf, type RelayParts, type Side } from './parts.ts';
import type { PortPair } from './ports.ts';
import { isRelayable, type Sdp } from './sdp.ts';
import { type Place, replacePlaces } from './sdp-edit.ts';

/** Dialogs of one branch: proxies behind this one may fork, too. */
const MOST_DIALOGS = 8;

export class Fork {
  /** For whoever keeps the forks. */
  readonly call: CallName;
  readonly parts: RelayParts;
  readonly parties: Record<Side, Party>;
  readonly dialogs = new Map<string, RelayedDialog>();
  /** What the caller offered in the INVITE. */
  offered: Sdp | undefined = undefined;
  #open = true;
  /** The callee's, by media description. */
  readonly #pairs: (PortPair | undefined)[] = [];

  constructor(call: CallName, parties: Readonly<Record<Side, Party>>, parts: RelayParts) {
    this.call = call;
    this.parts = parts;
    this.parties = { ...parties };
  }

  get open(): boolean {
    return this.#open;
  }

  /** The offer of an INVITE as the callee is to read it; undefined when there are no ports for it, and the fork is over. */
  offer(sdp: Sdp): Buffer | undefined {
    this.offered = sdp;
    const places: (Place | undefined)[] = [];
    for (const [at, media] of sdp.media.entries()) {
      const pair = isRelayable(sdp, media) ? this.pair(at, true) : undefined;
      if (isRelayable(sdp, media) && pair === undefined) {
        this.end();
        return undefined;
      }
      places.push(pair && placeOf(pair));
    }
    return replacePlaces(sdp, this.parties.callee.told, places);
  }

  /** The ports of a media description that the callee is told of. */
  pair(at: number, opens: boolean): PortPair | undefined {
    const known = this.#pairs[at];
    if (known !== undefined || !opens) return known;
    const opened = this.parts.ports.open(this.parties.callee.local);
    if (opened === undefined) this.parts.counters.noPorts += 1;
    this.#pairs[at] = opened;
    return opened;
  }

  /** The dialog with this tag of the callee; undefined when there are too many. */
  dialog(tag: string): RelayedDialog | undefined {
    const known = this.dialogs.get(tag);
    if (known !== undefined) return known;
    if (!this.#open || this.dialogs.size >= MOST_DIALOGS) return undefined;
    const dialog = new RelayedDialog(tag, this);
    this.dialogs.set(tag, dialog);
    return dialog;
  }

  /** The INVITE has been answered: ports of what nobody took are free, and silence counts. */
  settle(): void {
    for (const [at, pair] of this.#pairs.entries()) {
      if (pair === undefined || pair.rtp.ends.length > 0) continue;
      this.parts.ports.close(pair);
      this.#pairs[at] = undefined;
    }
    for (const dialog of this.dialogs.values()) dialog.watch();
    if (this.dialogs.size === 0) this.end();
  }

  /** @internal By the dialog. */
  left(dialog: RelayedDialog): void {
    this.dialogs.delete(dialog.tag);
    if (this.dialogs.size === 0) this.end();
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const dialog of [...this.dialogs.values()]) dialog.end();
    for (const pair of this.#pairs) if (pair !== undefined) this.parts.ports.close(pair);
    this.#pairs.length = 0;
    this.parts.ended(this);
  }
}
