/** RFC 3261 section 16.3, with RFC 5393 section 4.2.2: what a request must pass before it is forwarded. One function a check. */
import type { FieldList, SipRequest } from '#protocols/sip/message/message.ts';
import { schemeOf } from '#protocols/sip/message/uri-parts.ts';
import { hasLooped, type OwnPlace } from './loop.ts';

/** The response that ends a request here. */
export interface ProxyRefusal {
  readonly status: number;
  readonly reason?: string;
  readonly fields?: FieldList;
}

/** 1. "The request MUST be well-formed enough to be handled": Via, Route and Record-Route are what forwarding touches. */
export function reasonableSyntax(request: SipRequest): ProxyRefusal | undefined {
  const { from, recordRoutes, routes, to, vias } = request;
  if (vias === undefined || routes === undefined || recordRoutes === undefined) return { status: 400 };
  return from === undefined || to === undefined || request.cseq === undefined ? { status: 400 } : undefined;
}

/** 2. "A URI whose scheme is not understood by the proxy … 416 (Unsupported URI Scheme)." */
export function uriScheme(request: SipRequest): ProxyRefusal | undefined {
  if (request.requestUri !== undefined) return undefined;
  const scheme = schemeOf(request.uri);
  return { status: scheme === 'sip' || scheme === 'sips' || scheme === 'tel' ? 400 : 416 };
}

/** 3. "If the request contains a Max-Forwards header field with a field value of zero (0), the element MUST NOT forward the request." */
export function maxForwards(request: SipRequest): ProxyRefusal | undefined {
  if (!request.headers.has('Max-Forwards')) return undefined;
  const left = request.maxForwards;
  if (left === undefined) return { status: 400 };
  return left === 0 ? { status: 483 } : undefined;
}

/** 4. "If these values are equal, the request has looped and the proxy MUST reject the request with a 482 (Loop Detected) response." */
export function loopDetection(request: SipRequest, isOwn: OwnPlace): ProxyRefusal | undefined {
  return hasLooped(request, isOwn) ? { status: 482 } : undefined;
}

/** 5. "If the request contains a Proxy-Require header field … with one or more option-tags this element does not understand": it understands none. */
export function proxyRequire(request: SipRequest): ProxyRefusal | undefined {
  const tags = request.list('Proxy-Require');
  return tags.length === 0 ? undefined : { status: 420, fields: [['Unsupported', tags.join(', ')]] };
}

/** Steps 1 to 5; the sixth, Proxy-Authorization, is whoever's who knows the accounts. */
export function validate(request: SipRequest, isOwn: OwnPlace): ProxyRefusal | undefined {
  return (
    reasonableSyntax(request) ??
    uriScheme(request) ??
    maxForwards(request) ??
    loopDetection(request, isOwn) ??
    proxyRequire(request)
  );
}
