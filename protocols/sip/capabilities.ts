import type { FieldList } from './message/message.ts';
import { METHODS } from './message/methods.ts';

/** Option tags that the server itself understands. */
export const SUPPORTED: readonly string[] = ['path', 'outbound', 'gruu'];

/** What parts of the server add to it. */
export interface Capabilities {
  /** Methods that the server answers itself, or passes on. */
  readonly methods: readonly string[];
  readonly accepts: readonly string[];
  readonly events: readonly string[];
}

/** RFC 3261 section 11.2: "Allow, Accept, Accept-Encoding, Accept-Language, and Supported header fields SHOULD be present". */
export function capabilityFields({ accepts, events, methods }: Capabilities): FieldList {
  const allow = METHODS.filter((method) => methods.includes(method));
  const fields: (readonly [string, string])[] = [
    ['Allow', allow.join(', ')],
    ['Accept', accepts.join(', ')],
    ['Accept-Encoding', 'identity'],
    ['Accept-Language', 'en'],
    ['Supported', SUPPORTED.join(', ')],
  ];
  if (events.length > 0) fields.push(['Allow-Events', events.join(', ')]);
  return fields;
}
