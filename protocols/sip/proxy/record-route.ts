/** RFC 3261 section 16.6 step 4 and RFC 5658: staying on the path of a dialog. */
import type { SipRequest } from '#protocols/sip/message/message.ts';
import { SipUri } from '#protocols/sip/message/uri.ts';

/** Methods that neither create a dialog nor reconstitute one; all others get Record-Route, also those nobody knows (section 16.6 step 4). */
const WITHOUT: ReadonlySet<string> = new Set([
  'ACK',
  'BYE',
  'CANCEL',
  'INFO',
  'MESSAGE',
  'OPTIONS',
  'PRACK',
  'PUBLISH',
  'REGISTER',
]);

/** Where the URI of a Record-Route leads: a listener of ours. */
export interface RoutePlace {
  readonly transport: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';
  readonly host: string;
  readonly port: number | undefined;
}

export const createsDialog = ({ method }: SipRequest): boolean => !WITHOUT.has(method);

/** wss has no name of its own in a URI (RFC 7118 section 5.2.4: `transport=ws`, made secure by the scheme or by the port it is at). */
const transportParam = (transport: RoutePlace['transport'], secure: boolean): string | undefined => {
  if (transport === 'udp') return undefined;
  if (transport === 'tls') return secure ? undefined : 'tls';
  return transport === 'wss' ? 'ws' : transport;
};

export function recordRouteUri(token: string, place: RoutePlace, sips: boolean): SipUri {
  const { host, port, transport } = place;
  const secure = sips && (transport === 'tls' || transport === 'wss');
  const params = { transport: transportParam(transport, secure), lr: '' };
  return SipUri.make({ scheme: secure ? 'sips' : 'sip', user: token, host, port, params });
}

const isSame = (a: RoutePlace, b: RoutePlace): boolean =>
  a.transport === b.transport && a.host === b.host && a.port === b.port;

/**
 * The values to insert, topmost first: one for the next element, which asks for ours by `outgoing`, and one more for the element before when that
 * came in by another transport or listener (RFC 5658 section 3.1: "two Record-Route header fields").
 * @param sips the Request-URI or the topmost Route is a SIPS URI: "the URI placed into the Record-Route header field MUST be a SIPS URI"
 */
export function recordRoutes(
  token: string,
  incoming: RoutePlace,
  outgoing: RoutePlace,
  sips: boolean,
): readonly string[] {
  const lower = `<${recordRouteUri(token, outgoing, sips).toString()}>`;
  if (isSame(incoming, outgoing)) return [lower];
  return [lower, `<${recordRouteUri(token, incoming, sips).toString()}>`];
}
