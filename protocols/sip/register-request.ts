import type { Binding, BindingFlow } from './binding.ts';
import { contactExpires, contactQ } from './message/contact.ts';
import { NameAddr } from './message/name-addr.ts';
import type { SipRequest } from './message/message.ts';
import type { Asked, AskedContact, Denied } from './registration.ts';

/** Characters of an instance and of a User-Agent that are kept. */
const LONGEST = 512;
/** Parameters that the registrar decides itself, or that RFC 5627 section 5.1 has it ignore. */
const OWN: ReadonlySet<string> = new Set(['expires', 'q', 'pub-gruu', 'temp-gruu']);
const REG_ID = 2 ** 31 - 1;

/** What a REGISTER asks, and what a proxy in front of us could do. */
export interface ReadRegister {
  readonly asked: Asked;
  /** The client wants flows, and they can be kept (RFC 5626 section 6). */
  readonly outbound: boolean;
}

const denied = (status: number, reason: string): { readonly denied: Denied } => ({
  denied: { status, reason, fields: [] },
});

/** Reads a REGISTER. `flow` is where it came from, used when it came straight from its client. */
export function readRegister(request: SipRequest, flow: BindingFlow): ReadRegister | { readonly denied: Denied } {
  const { callId, contacts, cseq, vias } = request;
  const paths = NameAddr.parseList(request.all('Path'));
  if (contacts === undefined || paths === undefined) return denied(400, 'Malformed Contact Or Path');
  if (callId === undefined || cseq === undefined || vias === undefined) return denied(400, 'Malformed Request');
  if (request.hasStarContact !== request.mentionsStar) return denied(400, 'Contact * Stands Alone');
  // "the registrar MUST check from its Via header field if the registrar is the first hop or not"
  const first = vias.length === 1;
  const capable = first || paths.some(({ sipUri }) => sipUri?.param('ob') !== undefined);
  const wants = request.tokens('Supported').includes('outbound');
  const flows = contacts.some((contact) => contact.params.has('reg-id') && instanceOf(contact) !== undefined);
  if (!capable && flows && wants) return denied(439, 'First Hop Lacks Outbound Support');
  const { expires } = request;
  const read = contacts.map((contact) => readContact(contact, capable));
  if (manyFlows(read, expires)) return denied(400, 'One Flow At A Time');
  return {
    asked: {
      contacts: request.hasStarContact ? '*' : read,
      // RFC 3261 section 20.19: a malformed value, as that of a contact, is taken for an hour.
      expires: expires ?? (request.headers.has('Expires') ? 3600 : undefined),
      callId,
      cseq: cseq.number,
      path: paths.map(String),
      flow: first ? flow : undefined,
      userAgent: (request.get('User-Agent') ?? '').slice(0, LONGEST),
    },
    outbound: wants && read.some(({ regId }) => regId !== undefined),
  };
}

function readContact(contact: NameAddr, capable: boolean): AskedContact {
  const instance = instanceOf(contact);
  const regId = Number(contact.params.get('reg-id') ?? 0);
  const flow = capable && instance !== undefined && Number.isSafeInteger(regId) && regId > 0 && regId <= REG_ID;
  return {
    uri: contact.uri,
    params: [...contact.params].filter(([name]) => !OWN.has(name)),
    q: contactQ(contact),
    expires: contactExpires(contact),
    instance,
    regId: flow ? regId : undefined,
  };
}

/** RFC 5626 section 11.1: `"<urn:uuid:…>"`. */
function instanceOf({ params }: NameAddr): string | undefined {
  const value = params.get('+sip.instance');
  if (value === undefined || !value.startsWith('<') || !value.endsWith('>') || value.length > LONGEST) return undefined;
  return value.length > 2 ? value.slice(1, -1) : undefined;
}

/** "if the Contact header field contains more than one header field value with a non-zero expiration and any of these … contain a reg-id" */
function manyFlows(contacts: readonly AskedContact[], expires: number | undefined): boolean {
  const living = contacts.filter((contact) => (contact.expires ?? expires) !== 0);
  return living.length > 1 && living.some(({ regId }) => regId !== undefined);
}

/** A value of Contact in the answer (RFC 3261 section 10.3, step 8), with GRUUs where the client knows them (RFC 5627 section 5.2). */
export function contactOf(binding: Binding, now: number, gruus: readonly (readonly [string, string])[]): string {
  const { contact, expires, params, q } = binding;
  const seconds = Math.max(1, Math.ceil((expires - now) / 1000));
  let text = `<${contact}>`;
  for (const [name, value] of params) text += `;${value === '' ? name : write(name, value)}`;
  if (q !== 1000) text += `;q=${q / 1000}`;
  text += `;expires=${seconds}`;
  for (const [name, uri] of gruus) text += `;${name}="${uri}"`;
  return text;
}

const write = (name: string, value: string): string =>
  /^[\w.!%*+`'~[\]:-]+$/.test(value) ? `${name}=${value}` : `${name}="${value.replace(/["\\]/g, '\\$&')}"`;
