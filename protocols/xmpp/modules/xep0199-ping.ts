/** XEP-0199: XMPP Ping, version 2.0.1, Final. Answers for the host and its accounts (section 4.3), and asks clients that are silent. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Timed } from '#src/net/timers.ts';
import { sharesPresence } from '#src/im/subscription.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import { duration } from '#src/settings/types.ts';
import { refuse } from '#src/stanza/conditions.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import type { ClientStream } from '../links/client-stream.ts';
import type { XmppHost } from '../server.ts';

const PING = 'urn:xmpp:ping';

export const ping = defineModule({
  name: 'ping',
  description: 'Answers pings, and finds out which clients are gone.',
  specs: [{ document: 'XEP-0199', version: '2.0.1', title: 'XMPP Ping', status: 'complete' }],
  settings: z.strictObject({
    send: z.boolean().prefault(true).describe('Ping clients from which nothing has come for a while.'),
    interval: duration({ min: '10s', max: '1d' }).prefault('5m').describe('Silence after which a client is pinged.'),
    timeout: duration({ min: '1s', max: '1h' })
      .prefault('1m')
      .describe('Time a client has to send anything after a ping.'),
    action: z
      .enum(['none', 'kill'])
      .prefault('kill')
      .describe('What happens to a client that stays silent: nothing, or its connection is closed.'),
  }),
  needs: ['roster', 'streams'],
  start(scope, { roster, streams }, { action, interval, send, timeout }) {
    scope.feature('both', PING);
    scope.iq('host', 'get', PING, 'ping', ({ stanza }) => stanza.result());
    // Strangers get the same answer as from an account that does not exist (RFC 6121 section 8.5.1).
    scope.iq('account', 'get', PING, 'ping', ({ from, own, stanza, to }) =>
      own || sharesPresence(roster.state(to, from)) ? stanza.result() : refuse('service-unavailable'),
    );
    if (send) scope.own(new KeepAlive(streams(scope.host), { interval, timeout, kill: action === 'kill' }));
  },
});

/** Milliseconds. */
export interface KeepAliveOptions {
  readonly interval: number;
  readonly timeout: number;
  readonly kill: boolean;
}

/**
 * Looks at all streams of a host now and then: nothing is kept for those that talk. Whatever comes from a client shows that it is
 * there, so the answer to a ping needs no place of its own.
 */
export class KeepAlive implements Timed, Disposable {
  readonly #host: XmppHost;
  readonly #options: KeepAliveOptions;
  /** When the silent ones were pinged. */
  readonly #pinged = new Map<ClientStream, number>();

  constructor(host: XmppHost, options: KeepAliveOptions) {
    this.#host = host;
    this.#options = options;
    host.idleAfter = options.interval;
    this.onTimeout();
  }

  onTimeout(): void {
    const { interval, timeout } = this.#options;
    const { streams, timers } = this.#host.server;
    for (const stream of this.#pinged.keys()) if (!streams.has(stream)) this.#pinged.delete(stream);
    for (const stream of streams)
      if (stream.host === this.#host && stream.session !== undefined) this.#look(stream, timers.now);
    timers.add(this, Math.min(interval, timeout) / 4);
  }

  #look(stream: ClientStream, now: number): void {
    const { interval, kill, timeout } = this.#options;
    const pinged = this.#pinged.get(stream);
    if (pinged === undefined || stream.lastReceived >= pinged) {
      this.#pinged.delete(stream);
      if (now - stream.lastReceived >= interval) this.#ping(stream, now);
    } else if (now - pinged >= timeout) {
      this.#pinged.delete(stream);
      // A lost connection is no good-bye: the session may be resumed.
      if (kill) stream.onFault({ condition: 'connection-timeout', text: 'nothing came after a ping' });
      else this.#ping(stream, now);
    }
  }

  #ping(stream: ClientStream, now: number): void {
    this.#pinged.set(stream, now);
    const id = randomBytes(8).toString('base64url');
    const request = { from: this.#host.host.jid, to: stream.session?.jid, id, type: 'get' };
    stream.session?.deliver(Stanza.make('iq', request, `<ping xmlns='${PING}'/>`));
  }

  [Symbol.dispose](): void {
    this.#host.idleAfter = undefined;
    this.#host.server.timers.remove(this);
    this.#pinged.clear();
  }
}
