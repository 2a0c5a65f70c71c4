import { AUTHENTICATED, BOUND, type StreamFeature } from './feature.ts';
import { NS } from './namespaces.ts';

/**
 * The session establishment of RFC 3921 section 3, which RFC 6121 dropped: announced as optional for old clients; the request
 * itself is answered by the host's iq table and does nothing.
 */
export const session: StreamFeature = {
  name: 'session',
  requires: AUTHENTICATED,
  forbids: BOUND,
  elements: [],
  offer: () => `<session xmlns='${NS.session}'><optional/></session>`,
};
