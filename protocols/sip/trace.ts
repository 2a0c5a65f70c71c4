import type { Log } from '#src/observe/log.ts';
import type { SipRequest, SipResponse } from './message/message.ts';
import type { Destination } from './transport/destination.ts';
import type { Flow } from './transport/flow.ts';

/** Things that are followed at the same time. */
const MOST = 100;
/** Characters of one message that are logged. */
const LONGEST = 4096;
/** What is equivalent to a password for a while. */
const SECRET = /^(?:Proxy-)?Authorization$/;

/** Messages that operators follow, by Call-ID or by user: they are logged as they come and go. */
export class SipTrace {
  readonly #log: Log;
  readonly #followed = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  get followed(): readonly string[] {
    return [...this.#followed];
  }

  /** @param what a Call-ID, or a user as `juliet@example.org` @returns false when too much is followed already */
  follow(what: string): boolean {
    if (this.#followed.size >= MOST) return false;
    this.#followed.add(what);
    return true;
  }

  leave(what: string): boolean {
    return this.#followed.delete(what);
  }

  see(direction: 'in' | 'out', message: SipRequest | SipResponse, place: Flow | Destination): void {
    if (this.#followed.size === 0 || !this.#isFollowed(message)) return;
    const lines = message.headers.fields.filter(({ name }) => !SECRET.test(name)).map(({ text }) => text);
    const text = [message.startLine, ...lines, '', message.body.toString('utf8')].join('\n');
    this.#log.info('sip trace', {
      direction,
      peer: peerOf(place),
      callId: message.callId ?? '',
      message: text.slice(0, LONGEST),
    });
  }

  #isFollowed({ callId = '', from, to }: SipRequest | SipResponse): boolean {
    if (this.#followed.has(callId)) return true;
    return [from?.sipUri, to?.sipUri].some((uri) => uri !== undefined && this.#followed.has(`${uri.user}@${uri.host}`));
  }
}

function peerOf(place: Flow | Destination): string {
  const at = 'flow' in place ? place.flow : place;
  const [address, port] = 'remoteAddress' in at ? [at.remoteAddress, at.remotePort] : [at.address, at.port];
  return `${at.transport} ${address} ${port}`;
}
