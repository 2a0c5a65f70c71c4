/** RFC 3261 section 16.4: route information preprocessing. One function a step. */
import type { SipRequest } from '#protocols/sip/message/message.ts';
import type { SipUri } from '#protocols/sip/message/uri.ts';
import type { RouteTokens, TokenMatch } from './route-token.ts';

export interface Preprocessed {
  /** With what the next steps are to see. */
  readonly request: SipRequest;
  /** The request is inside a dialog that this server let begin: one of its Routes was ours, for this dialog. */
  readonly dialog: TokenMatch | undefined;
}

/** Whether a URI means this server itself: an address of a listener, or a host it serves. */
export type OwnUri = (uri: SipUri) => boolean;

// Record-Route twice (RFC 5658 section 3.1), once more for a spiral.
const MOST_OWN_ROUTES = 8;

/**
 * "If the Request-URI of the request contains a value this proxy previously placed into a Record-Route header field … replace the Request-URI in
 * the request with the last value from the Route header field, and remove that value": the element before this one is a strict router.
 */
export function undoStrictRouting(request: SipRequest, tokens: RouteTokens, isOwn: OwnUri): Preprocessed {
  const uri = request.requestUri;
  if (uri?.kind !== 'sip' || !uri.lr || uri.user === '' || !isOwn(uri)) return { request, dialog: undefined };
  const dialog = tokens.match(uri.user, request);
  const last = request.routes?.at(-1);
  if (dialog === undefined || last === undefined) return { request, dialog: undefined };
  const routes = request.list('Route').slice(0, -1);
  const edit = request.edit().uri(last.uri).remove('Route');
  for (const route of routes) edit.append('Route', route);
  return { request: edit.done(), dialog };
}

/** "The proxy MUST strip the maddr and any non-default port or transport parameter and continue … as if those values had not been present." */
export function stripMaddr(request: SipRequest, isOwn: OwnUri): SipRequest {
  const uri = request.requestUri;
  if (uri?.kind !== 'sip' || uri.param('maddr') === undefined) return request;
  const meant = uri.with({ user: '', host: uri.param('maddr') ?? '', params: { maddr: undefined } });
  if (!isOwn(meant)) return request;
  const plain = uri.with({ port: undefined, params: { maddr: undefined, transport: undefined } });
  return request.edit().uri(plain).done();
}

/** "If the first value in the Route header field indicates this proxy, the proxy MUST remove that value from the request"; RFC 5658: each of them. */
export function removeOwnRoutes(request: SipRequest, tokens: RouteTokens, isOwn: OwnUri): Preprocessed {
  let current = request;
  let dialog: TokenMatch | undefined;
  let token = '';
  for (let at = 0; at < MOST_OWN_ROUTES; at++) {
    const uri = current.routes?.[0]?.sipUri;
    if (uri === undefined || !isOwn(uri)) break;
    // The last one is nearest to where the request goes: of two dialogs when it spiralled.
    if (uri.user !== token) {
      token = uri.user;
      dialog = tokens.match(token, request) ?? dialog;
    }
    current = current.edit().removeFirst('Route').done();
  }
  return { request: current, dialog };
}

export function preprocess(request: SipRequest, tokens: RouteTokens, isOwn: OwnUri): Preprocessed {
  const undone = undoStrictRouting(request, tokens, isOwn);
  const removed = removeOwnRoutes(stripMaddr(undone.request, isOwn), tokens, isOwn);
  const dialog = removed.dialog ?? undone.dialog;
  // "The presence of a tag in the To header field of the request" is what a request inside a dialog has (section 12.2).
  return { request: removed.request, dialog: request.to?.tag === undefined ? undefined : dialog };
}
