/** RFC 3261 section 12, for dialogs in which the server is the UAS and sends NOTIFY: as plain data, so that a restart keeps them. */
import { type Body, type FieldList, SipRequest } from '../message/message.ts';
import { NameAddr } from '../message/name-addr.ts';
import { SipUri } from '../message/uri.ts';
import type { Flow, TransportName } from '../transport/flow.ts';

/** Where the subscriber's last request came from. */
export interface DialogFlow {
  readonly transport: TransportName;
  readonly address: string;
  readonly port: number;
}

export interface Dialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** From of our requests: the To of the first request, with our tag. */
  readonly local: string;
  /** To of our requests: the From of the first request. */
  readonly remote: string;
  /** Remote target: the URI of the subscriber's Contact. */
  readonly target: string;
  /** The route set: what Record-Route said, in that order (section 12.1.1). */
  readonly routes: readonly string[];
  /** Our own Contact, a URI. */
  readonly contact: string;
  /** CSeq of the subscriber's last request. */
  readonly remoteSeq: number;
  readonly flow: DialogFlow;
}

export const dialogKey = (callId: string, localTag: string, remoteTag: string): string =>
  `${callId}\0${localTag}\0${remoteTag}`;

export const keyOf = ({ callId, localTag, remoteTag }: Dialog): string => dialogKey(callId, localTag, remoteTag);

/** The key of the dialog that a request of the subscriber is in; undefined when it is in none. */
export function keyOfRequest({ callId, from, to }: SipRequest): string | undefined {
  if (callId === undefined || to?.tag === undefined || from?.tag === undefined) return undefined;
  return dialogKey(callId, to.tag, from.tag);
}

const flowOf = ({ remoteAddress, remotePort, transport }: Flow): DialogFlow => ({
  transport,
  address: remoteAddress,
  port: remotePort,
});

/** Characters that one is kept in; a phone's takes some hundreds. */
const LARGEST = 8192;

/** Section 12.1.1: the dialog that a SUBSCRIBE begins; undefined when it cannot begin one (no tag, no Contact, several, too long to keep). */
export function openDialog(request: SipRequest, flow: Flow, localTag: string, contact: string): Dialog | undefined {
  const { callId, contacts, cseq, from, recordRoutes, to } = request;
  const [target] = contacts ?? [];
  if (callId === undefined || cseq === undefined || from?.tag === undefined || to === undefined) return undefined;
  if (target === undefined || contacts?.length !== 1 || target.sipUri === undefined || recordRoutes === undefined)
    return undefined;
  const dialog: Dialog = {
    callId,
    localTag,
    remoteTag: from.tag,
    local: String(to.withTag(localTag)),
    remote: String(from),
    target: target.uri,
    routes: recordRoutes.map(String),
    contact,
    remoteSeq: cseq.number,
    flow: flowOf(flow),
  };
  return JSON.stringify(dialog).length > LARGEST ? undefined : dialog;
}

/** Section 12.2.2: the dialog after a request inside of it; 'late' when that is older than one before ("500 (Server Internal Error)"). */
export function continueDialog(dialog: Dialog, request: SipRequest, flow: Flow): Dialog | 'late' {
  const seq = request.cseq?.number ?? 0;
  if (seq <= dialog.remoteSeq) return 'late';
  // A target refresh request: its Contact replaces the remote target.
  const [target] = request.contacts ?? [];
  const uri = target?.sipUri === undefined || target.uri.length > LARGEST / 4 ? dialog.target : target.uri;
  return { ...dialog, remoteSeq: seq, target: uri, flow: flowOf(flow) };
}

/** Section 12.2.1.1: a request of ours inside the dialog, without Via. */
export function requestIn(dialog: Dialog, method: string, seq: number, fields: FieldList, body?: Body): SipRequest {
  const { contact, local, remote, callId } = dialog;
  const { routes, uri } = routing(dialog);
  return SipRequest.make(
    method,
    uri,
    [
      ['Max-Forwards', 70],
      ...routes.map((route) => ['Route', route] as const),
      ['From', local],
      ['To', remote],
      ['Call-ID', callId],
      ['CSeq', `${seq} ${method}`],
      ['Contact', `<${contact}>`],
      ...fields,
    ],
    body,
  );
}

/** "If the route set is not empty, and the first URI in the route set does not contain the lr parameter": a strict router. */
function routing({ routes, target }: Dialog): { readonly uri: string; readonly routes: readonly string[] } {
  const [first, ...rest] = routes;
  const uri = first === undefined ? undefined : NameAddr.parse(first)?.sipUri;
  if (uri === undefined || uri.lr) return { uri: target, routes };
  return { uri: uri.withoutHeaders().toString(), routes: [...rest, `<${target}>`] };
}

/** Where such a request goes: the first route, or the remote target. Undefined for a target that nobody can dial. */
export function nextHop({ routes, target }: Dialog): { readonly uri: SipUri; readonly routed: boolean } | undefined {
  const [first] = routes;
  const uri = first === undefined ? SipUri.parse(target) : NameAddr.parse(first)?.sipUri;
  return uri === undefined ? undefined : { uri, routed: first !== undefined };
}
