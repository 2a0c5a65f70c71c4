import type { Frame } from '#src/stanza/frame.ts';
import type { ClientStream } from '../links/client-stream.ts';
import { AUTHENTICATED, SECURED, type StreamFeature, qualified } from './feature.ts';
import { NS } from './namespaces.ts';

/** STARTTLS: RFC 6120 section 5; required unless the listener or a loopback connection makes it optional (RFC 7590). */
export const starttls: StreamFeature = {
  name: 'starttls',
  requires: 0,
  forbids: SECURED | AUTHENTICATED,
  elements: [qualified(NS.tls, 'starttls')],

  offer(stream: ClientStream): string | undefined {
    if (!stream.transport.upgradable) return undefined;
    // Section 5.3.1: mandatory-to-negotiate carries <required/>.
    return `<starttls xmlns='${NS.tls}'>${stream.secureEnough ? '' : '<required/>'}</starttls>`;
  },

  handle(stream: ClientStream, _frame: Frame): void {
    if (!stream.transport.upgradable) {
      // Section 5.4.2.2: the failure case ends the stream.
      stream.write(`<failure xmlns='${NS.tls}'/>`);
      return stream.end();
    }
    stream.transport.startTls(`<proceed xmlns='${NS.tls}'/>`, stream.host?.host.domain ?? '');
  },
};
