/** Addresses as levels of a topic, and topics as localparts. */
import { escapeLocal, unescapeLocal } from '#src/address/escape.ts';
import { Jid } from '#src/address/jid.ts';
import { percentDecode } from '#src/address/percent.ts';

/** What separates levels, what is a wildcard, what begins the server's own topics, and what begins an escape. */
const RESERVED = /[#$%+/\0]/g;

const escaped = (char: string): string =>
  Array.from(Buffer.from(char), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');

/** A text as one level of a topic name: `/ + # $ %` and NUL are percent-encoded. */
export const topicLevel = (text: string): string => text.replaceAll(RESERVED, escaped);

/** The address that one level stands for, or several: `juliet@example.org%2Fbalcony` is also understood with a plain slash. */
export function jidFromTopic(levels: string): Jid | undefined {
  const text = percentDecode(levels);
  return text === undefined ? undefined : Jid.parse(text);
}

/**
 * A topic or a filter as the localpart of an address (XEP-0106): `kitchen/temp` is `kitchen\2ftemp`. A localpart knows no upper case, so
 * what it would fold is percent-encoded first: `Kitchen` is `%4bitchen`. Undefined when there is none: too long, or characters that no
 * localpart has.
 */
export function localFromTopic(topic: string): string | undefined {
  let text = '';
  for (const char of topic) text += char === '%' || !isKept(char) ? escaped(char).toLowerCase() : char;
  const local = escapeLocal(text);
  const jid = local === undefined ? undefined : Jid.make(local, 'topic.invalid');
  return jid === undefined || topicFromLocal(jid.local) !== topic ? undefined : jid.local;
}

/** Lower-case letters, digits and signs of ASCII stand for themselves. */
const isKept = (char: string): boolean => char >= ' ' && char <= '~' && (char < 'A' || char > 'Z');

/** The topic or filter behind a localpart; undefined when its escapes are no text. */
export const topicFromLocal = (local: string): string | undefined => percentDecode(unescapeLocal(local));
