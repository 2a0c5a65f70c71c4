import { setTimeout as delay } from 'node:timers/promises';
import { SmClient, type SmClientOptions } from '#test/helpers/sm-client.ts';
import type { Findings } from './ledger.ts';
import type { Random } from './random.ts';

/**
 * A user who comes, reads what was stored for it and what is sent to it, and leaves in order: unavailable first, then, when all that
 * was on its way has come, with a last acknowledgement. So every message reaches it once, whatever happens in between.
 */
export class Commuter {
  readonly client: SmClient;
  readonly #random: Random;
  readonly #findings: Findings;
  /** It has said good-bye: the session may or may not be there yet. */
  #left = true;
  #lost = Promise.withResolvers<void>();
  visits = 0;

  constructor(options: SmClientOptions, random: Random, findings: Findings) {
    this.client = new SmClient({ ...options, onLost: () => this.#lost.resolve() });
    this.#random = random;
    this.#findings = findings;
  }

  /** Comes and goes until told to stop, or until the server is gone. */
  async run(stop: AbortSignal): Promise<void> {
    try {
      while (!stop.aborted) {
        await delay(this.#random.between(50, 300), undefined, { signal: stop });
        await this.come();
        await Promise.race([delay(this.#random.between(100, 700), undefined, { signal: stop }), this.#lost.promise]);
        await this.#leave();
      }
    } catch (error) {
      // The end of the load, or of the server, at any point of the way.
      if (!stop.aborted) this.#findings.add(`${this.client.full} cannot come: ${String(error)}`);
    }
  }

  /** Comes online, with the session it had or a new one. */
  async come(): Promise<void> {
    this.#lost = Promise.withResolvers();
    const result = await this.client.connect();
    if (result === 'failed' && !this.#left) this.#findings.add(`${this.client.full}: the session was not resumed`);
    this.#left = false;
    this.visits += 1;
    // A session that was left half way is unavailable.
    if (result === 'resumed') this.client.send('<presence/>');
  }

  async #leave(): Promise<void> {
    if (!this.client.up) return;
    this.client.send("<presence type='unavailable'/>");
    const ping = this.client.request('get', "<ping xmlns='urn:xmpp:ping'/>", this.client.options.domain);
    await Promise.race([ping, this.#lost.promise]);
    if (!this.client.up) return;
    this.#left = true;
    await this.client.close();
  }
}
