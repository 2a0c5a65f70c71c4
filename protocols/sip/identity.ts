/** RFC 3325: who a message says that it is from, beside From; and RFC 3261 section 22.3: credentials that were for this server alone. */
import type { MessageEdit } from './message/edit.ts';
import type { SipMessage } from './message/message.ts';

/** What only those may say who are believed: providers, and this server to them. The last is what was there before RFC 3325, and is still shown. */
const ASSERTED = ['P-Asserted-Identity', 'P-Preferred-Identity', 'Remote-Party-ID'] as const;
const CREDENTIALS = ['Proxy-Authorization', 'Authorization'] as const;

interface Editable<M> extends SipMessage {
  edit(): MessageEdit<M>;
}

/**
 * Section 5: who is not trusted asserts nothing ("the proxy MUST replace … or remove this header field"); section 7: when Privacy says "id", "proxies
 * MUST remove all the P-Asserted-Identity header fields before forwarding messages to elements that are not trusted", as no phone is.
 */
export function withoutIdentity<M extends Editable<M>>(message: M, trusted: boolean): M {
  if (trusted && !isPrivate(message)) return message;
  const names = ASSERTED.filter((name) => message.headers.has(name));
  if (names.length === 0) return message;
  const edit = message.edit();
  for (const name of names) edit.remove(name);
  return edit.done();
}

/** @param isOurs whether credentials are for this server; those for others pass */
export function withoutCredentials<M extends Editable<M>>(message: M, isOurs: (credentials: string) => boolean): M {
  let edit: MessageEdit<M> | undefined;
  for (const name of CREDENTIALS) {
    const values = message.all(name);
    if (!values.some(isOurs)) continue;
    edit = (edit ?? message.edit()).remove(name);
    for (const value of values) if (!isOurs(value)) edit.append(name, value);
  }
  return edit === undefined ? message : edit.done();
}

/** RFC 3323 section 4.1.1.3: From is `sip:anonymous@anonymous.invalid`. */
export const isAnonymous = ({ from }: SipMessage): boolean => from?.sipUri?.host.endsWith('.invalid') === true;

/** RFC 3323 section 4.2: values are separated by semicolons. */
function isPrivate(message: SipMessage): boolean {
  return message
    .all('Privacy')
    .some((value) => value.split(/[;,]/).some((level) => level.trim().toLowerCase() === 'id'));
}
