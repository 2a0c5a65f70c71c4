/** Topic names and filters: MQTT 5 sections 4.7 and 4.8.2, MQTT 3.1.1 section 4.7. */
import { Buffer } from 'node:buffer';

/** Levels that a topic name or filter may have unless the settings say otherwise. */
export const DEFAULT_TOPIC_LEVELS = 200;

const NUL = 0;
const HASH = 0x23;
const PLUS = 0x2b;
const SLASH = 0x2f;
/** UTF-16 code units that fit into 65,535 bytes of UTF-8 whatever they are. */
const SURELY_FITS = 21_845;

const tooLong = (text: string): boolean => text.length > SURELY_FITS && Buffer.byteLength(text) > 65_535;

/**
 * What is wrong with a topic name; undefined for nothing. Reads each character once and stops at the first that is wrong.
 * @param maxLevels levels that it may have: one more than slashes
 */
export function topicNameFault(name: string, maxLevels = DEFAULT_TOPIC_LEVELS): string | undefined {
  // [MQTT-4.7.3-1] to [MQTT-4.7.3-3], [MQTT-4.7.0-1]
  if (name === '') return 'an empty topic name';
  let levels = 1;
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at);
    if (code > SLASH) continue;
    if (code === SLASH) {
      if (++levels > maxLevels) return `a topic name of more than ${maxLevels} levels`;
    } else if (code === PLUS || code === HASH) return 'a wildcard in a topic name';
    else if (code === NUL) return 'U+0000 in a topic name';
  }
  return tooLong(name) ? 'a topic name of more than 65,535 bytes' : undefined;
}

/**
 * What is wrong with a topic filter; undefined for nothing. The levels of a shared subscription are those behind `$share/{name}/`.
 * @param maxLevels levels that it may have: one more than slashes
 */
export function topicFilterFault(filter: string, maxLevels = DEFAULT_TOPIC_LEVELS): string | undefined {
  if (filter === '') return 'an empty topic filter';
  const from = isShared(filter) ? afterShare(filter) : 0;
  if (from < 0) return 'a shared subscription without name or filter';
  let levels = 1;
  const last = filter.length - 1;
  for (let at = from; at <= last; at++) {
    const code = filter.charCodeAt(at);
    if (code > SLASH) continue;
    if (code === SLASH) {
      if (++levels > maxLevels) return `a topic filter of more than ${maxLevels} levels`;
    } else if (code === PLUS || code === HASH) {
      // [MQTT-4.7.1-1]: # stands last; [MQTT-4.7.1-2]: + is all of its level, and so is #.
      const begins = at === from || filter.charCodeAt(at - 1) === SLASH;
      const ends = at === last || (code === PLUS && filter.charCodeAt(at + 1) === SLASH);
      if (!begins || !ends) return 'a wildcard that is not a level of its own';
    } else if (code === NUL) return 'U+0000 in a topic filter';
  }
  return tooLong(filter) ? 'a topic filter of more than 65,535 bytes' : undefined;
}

/** A filter of a shared subscription: `$share/{name}/{filter}` (MQTT 5 section 4.8.2). Honoured in all versions, as other brokers do. */
export const isShared = (filter: string): boolean => filter.startsWith('$share/');

/** Where the filter behind `$share/{name}/` begins; -1 for what breaks [MQTT-4.8.2-1] or [MQTT-4.8.2-2]. */
function afterShare(filter: string): number {
  const first = '$share/'.length;
  for (let at = first; at < filter.length; at++) {
    const code = filter.charCodeAt(at);
    if (code === SLASH) return at === first || at + 1 === filter.length ? -1 : at + 1;
    if (code === PLUS || code === HASH || code === NUL) return -1;
  }
  return -1;
}
