/** RFC 3261 sections 8.2.1, 8.2.2 and 16.3: what a request must say before anybody acts on it, and a response before it is passed on. */
import { inBlock, type IpBlock, parseBlock, parseIp } from '#src/address/ip.ts';
import { parseMediaRange } from '#protocols/sip/message/accept.ts';
import { parseDate } from '#protocols/sip/message/date.ts';
import { parseEvent } from '#protocols/sip/message/event.ts';
import { decimal, isCallId, isToken, splitList } from '#protocols/sip/message/grammar.ts';
import { combiningOf, HEADER_NAMES } from '#protocols/sip/message/header-names.ts';
import { addressOfHost } from '#protocols/sip/message/host.ts';
import { parseMediaType } from '#protocols/sip/message/media-type.ts';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { NameAddr } from '#protocols/sip/message/name-addr.ts';
import { parseRAck } from '#protocols/sip/message/rack.ts';
import { parseReason } from '#protocols/sip/message/reason.ts';
import { parseRetryAfter } from '#protocols/sip/message/retry-after.ts';
import { parseSubscriptionState } from '#protocols/sip/message/subscription-state.ts';
import { schemeOf } from '#protocols/sip/message/uri-parts.ts';
import { Via } from '#protocols/sip/message/via.ts';

/** Why a request is refused, with which status. A response with one is dropped. */
export interface Invalid {
  readonly status: number;
  /** For the reason phrase; holds nothing of what arrived. */
  readonly reason: string;
}

const invalid = (reason: string, status = 400): Invalid => ({ status, reason });

/** Whether the value of a field is what its grammar has. What the message decodes for its readers is asked from it, to be decoded once. */
type Check = (value: string, message: SipRequest | SipResponse) => boolean;

const SCHEMES: ReadonlySet<string> = new Set(['sip', 'sips', 'tel']);

// A URI of a scheme that is known has to be one; of another scheme we know nothing (RFC 4475 section 3.3.4).
const isSound = (address: NameAddr | undefined): boolean =>
  address !== undefined && (address.parsedUri !== undefined || !SCHEMES.has(schemeOf(address.uri) ?? ''));
const areSound = (addresses: readonly NameAddr[] | undefined): boolean => addresses?.every(isSound) ?? false;
const isAddress: Check = (value) => isSound(NameAddr.parse(value));
const routes =
  (name: string): Check =>
  (value, message) =>
    value.includes('<') && areSound(message.addresses(name));
const isNumber: Check = (value) => /^[0-9]+$/.test(value);
// The topmost Via is good, or the message would not have been taken.
const isVia: Check = (value, message) =>
  (value === message.get('Via') && !value.includes(',')) || Via.parseList([value]) !== undefined;

/** "Supported:" with nothing in it is a list of none. */
const listOf =
  (isElement: (element: string) => boolean): Check =>
  (value) =>
    value === '' || splitList(value).every(isElement);
const isTokenList = listOf(isToken);

/** The fields that somebody here acts on, each with the grammar of its value. Others pass as they are. */
const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['Via', isVia],
  ['From', (_, message) => isSound(message.from)],
  ['To', (_, message) => isSound(message.to)],
  ['Call-ID', isCallId],
  ['Contact', (_, message) => areSound(message.contacts)],
  ['Route', routes('Route')],
  ['Record-Route', routes('Record-Route')],
  ['Path', routes('Path')],
  ['Service-Route', routes('Service-Route')],
  ['Reply-To', isAddress],
  ['Refer-To', isAddress],
  ['Max-Forwards', (value) => decimal(value, 255) !== undefined],
  ['Max-Breadth', isNumber],
  ['Expires', isNumber],
  ['Min-Expires', isNumber],
  ['Retry-After', (value) => parseRetryAfter(value) !== undefined],
  ['Content-Type', (value) => parseMediaType(value) !== undefined],
  ['Date', (value) => parseDate(value) !== undefined],
  ['Event', (value) => parseEvent(value) !== undefined],
  ['Subscription-State', (value) => parseSubscriptionState(value) !== undefined],
  ['RAck', (value) => parseRAck(value) !== undefined],
  ['RSeq', isNumber],
  ['SIP-ETag', isToken],
  ['SIP-If-Match', isToken],
  ['Require', isTokenList],
  ['Proxy-Require', isTokenList],
  ['Supported', isTokenList],
  ['Unsupported', isTokenList],
  ['Allow', isTokenList],
  ['Allow-Events', isTokenList],
  ['Accept', listOf((element) => parseMediaRange(element) !== undefined)],
  ['Reason', listOf((element) => parseReason(element) !== undefined)],
]);

const CHECKS_BY_INDEX = HEADER_NAMES.map(({ name }) => CHECKS.get(name));

/** Fields without which a method means nothing. */
const NEEDED: ReadonlyMap<string, readonly (readonly [name: string, status: number])[]> = new Map([
  ['SUBSCRIBE', [['Event', 489]]], // RFC 6665 section 4.2.1.1
  // RFC 6665 section 4.1.3
  [
    'NOTIFY',
    [
      ['Event', 489],
      ['Subscription-State', 400],
    ],
  ],
  ['PUBLISH', [['Event', 489]]], // RFC 3903 section 6, step 2
  ['REFER', [['Refer-To', 400]]], // RFC 3515 section 2.4.2
  ['PRACK', [['RAck', 400]]], // RFC 3262 section 7.2
]);

/** The field that is malformed or there more often than it may, in words. */
function badField(message: SipRequest | SipResponse): string | undefined {
  for (const field of message.headers.fields) {
    const { known, name } = field;
    if (
      (known === undefined ? combiningOf(name) : known.combining) === 'single' &&
      message.headers.field(name) !== field
    )
      return `More Than One ${name}`;
    const check = known === undefined ? CHECKS.get(name) : CHECKS_BY_INDEX[known.index];
    if (check?.(field.value, message) === false) return `Malformed ${name}`;
  }
  return undefined;
}

function badRequestUri(request: SipRequest): Invalid | undefined {
  const scheme = schemeOf(request.uri);
  if (scheme === undefined) return invalid('Malformed Request-URI');
  // "If the Request-URI uses a scheme not understood by the proxy, it SHOULD reject the request with a 416" (RFC 3261 section 16.3).
  if (!SCHEMES.has(scheme)) return invalid('Unsupported URI Scheme', 416);
  const uri = request.requestUri;
  if (uri === undefined) return invalid('Malformed Request-URI');
  return uri.kind === 'sip' && uri.headers.length > 0 ? invalid('Header Fields In Request-URI') : undefined;
}

function badRegister(request: SipRequest): Invalid | undefined {
  // "To: … MUST be a SIP URI or SIPS URI" (RFC 3261 section 10.2)
  if (request.to?.sipUri === undefined) return invalid('To Is No SIP URI');
  const { headers } = request;
  const isMixed = request.mentionsStar && headers.count('Contact') > 1;
  return isMixed ? invalid('Contact * Beside Others') : undefined;
}

/** Undefined when a request that `parseMessage` took can be acted on, else what to answer (RFC 3261 section 16.3, steps 1 and 2). */
export function validateRequest(request: SipRequest): Invalid | undefined {
  const bad = badField(request);
  if (bad !== undefined) return invalid(bad);
  const uri = badRequestUri(request);
  if (uri !== undefined) return uri;
  for (const [name, status] of NEEDED.get(request.method) ?? []) {
    if (!request.headers.has(name)) return invalid(status === 489 ? 'Bad Event' : `Missing ${name}`, status);
  }
  return request.method === 'REGISTER' ? badRegister(request) : undefined;
}

const NOT_UNICAST: readonly IpBlock[] = [
  '0.0.0.0/8',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '::/128',
  'ff00::/8',
].flatMap((block) => parseBlock(block) ?? []);

/**
 * Undefined when a response can be passed on. One with a Via below ours that names a broadcast or multicast address is dropped: "To
 * protect against this as an avenue of attack, proxies should drop such responses" (RFC 4475 section 3.3.10).
 */
export function validateResponse(response: SipResponse): Invalid | undefined {
  const { vias } = response;
  if (vias === undefined) return invalid('Malformed Via');
  for (const via of vias) {
    const host = addressOfHost(via.host);
    const address = parseIp(via.maddr ?? via.received ?? host ?? '');
    if (address && NOT_UNICAST.some((block) => inBlock(address, block))) return invalid('Via Is No Unicast Address');
  }
  const bad = ['From', 'To', 'Call-ID'].find(
    (name) => CHECKS.get(name)?.(response.get(name) ?? '', response) === false,
  );
  return bad === undefined ? undefined : invalid(`Malformed ${bad}`);
}
