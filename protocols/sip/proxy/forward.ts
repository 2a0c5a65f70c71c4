/** RFC 3261 section 16.6: the request as it is forwarded to one target. One function a step; 1, 7, 8, 10 and 11 are the branch's (branch.ts). */
import type { MessageEdit } from '#protocols/sip/message/edit.ts';
import type { SipRequest } from '#protocols/sip/message/message.ts';
import { NameAddr } from '#protocols/sip/message/name-addr.ts';
import { SipUri } from '#protocols/sip/message/uri.ts';

type Edit = MessageEdit<SipRequest>;

const MAX_FORWARDS = 70;

/** 2. "If the URI contains any parameters not allowed in a Request-URI, they MUST be removed." */
export function setRequestUri(edit: Edit, target: string): void {
  edit.uri(SipUri.parse(target)?.withoutHeaders() ?? target);
}

/** No step of the RFC: its tag stays, which is what a dialog is known by (section 12.1.1). @returns From as it was */
export function setFrom(edit: Edit, { from, headers }: SipRequest, uri: string): string | undefined {
  if (from === undefined) return undefined;
  edit.set('From', NameAddr.make({ display: from.display, uri, params: from.params }));
  return headers.get('From');
}

/** 3. "The proxy MUST decrement its value by one"; one is added "with a field value, which SHOULD be 70". */
export function setMaxForwards(edit: Edit, { maxForwards }: SipRequest): void {
  edit.set('Max-Forwards', maxForwards === undefined ? MAX_FORWARDS : maxForwards - 1);
}

/** RFC 5393 section 5.3.3: "All proxied requests MUST contain a single Max-Breadth header field value." */
export function setMaxBreadth(edit: Edit, breadth: number): void {
  edit.set('Max-Breadth', breadth);
}

/** 4. "It MUST insert a Record-Route header field value into the copy before any existing Record-Route header field values." */
export function insertRecordRoutes(edit: Edit, values: readonly string[]): void {
  for (const value of values.toReversed()) edit.prepend('Record-Route', value);
}

/** 6. "This set MUST be pushed into the Route header field of the copy ahead of any existing values": the Path of a binding (RFC 3327). */
export function pushRoutes(edit: Edit, routes: readonly string[]): void {
  for (const route of routes.toReversed()) edit.prepend('Route', route);
}

/** 6. The first Route is that of a strict router. */
export const isStrict = (request: SipRequest): boolean => request.routes?.[0]?.sipUri?.lr === false;

/**
 * 6. "The proxy MUST place the Request-URI into the Route header field as the last value … then place the first Route header field value into the
 * Request-URI and remove that value from the Route header field."
 */
export function fixStrictRoute(request: SipRequest): SipRequest {
  const first = request.routes?.[0];
  if (first === undefined) return request;
  return request
    .edit()
    .uri(first.uri)
    .removeFirst('Route')
    .append('Route', NameAddr.make({ uri: request.uri }))
    .done();
}

/**
 * 7. To which URI RFC 3263 is applied: "the first value in the Route header field, if present, else the Request-URI"; to the Request-URI when step 6
 * made it the strict router's. "If the Request-URI specifies a SIPS resource … as if the input URI were a SIPS URI."
 */
export function nextHop(request: SipRequest, strict: boolean): SipUri | undefined {
  const own = SipUri.parse(request.uri);
  const route = strict ? undefined : request.routes?.[0];
  if (route === undefined) return own;
  return own?.secure === true ? route.sipUri?.with({ scheme: 'sips' }) : route.sipUri;
}

/** Whether step 4 has to give a SIPS URI: "the Request-URI contains a SIPS URI, or the topmost Route header field value". */
export const isSips = (request: SipRequest): boolean =>
  SipUri.parse(request.uri)?.secure === true || request.routes?.[0]?.sipUri?.secure === true;
