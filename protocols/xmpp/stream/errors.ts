import { escapeText } from '#src/stanza/serialise.ts';
import { NS } from './namespaces.ts';

/** The stream error conditions: RFC 6120 section 4.9.3, all of them. */
export const streamConditions = [
  'bad-format',
  'bad-namespace-prefix',
  'conflict',
  'connection-timeout',
  'host-gone',
  'host-unknown',
  'improper-addressing',
  'internal-server-error',
  'invalid-from',
  'invalid-namespace',
  'invalid-xml',
  'not-authorized',
  'not-well-formed',
  'policy-violation',
  'remote-connection-failed',
  'reset',
  'resource-constraint',
  'restricted-xml',
  'see-other-host',
  'system-shutdown',
  'undefined-condition',
  'unsupported-encoding',
  'unsupported-feature',
  'unsupported-stanza-type',
  'unsupported-version',
] as const;
export type StreamCondition = (typeof streamConditions)[number];

export interface StreamError {
  readonly condition: StreamCondition;
  readonly text?: string;
  /** Application-specific condition as serialised XML (section 4.9.4). */
  readonly detail?: string;
}

/** The error element; the `stream` prefix must be declared around it, or on it where `framed`. */
export function writeStreamError({ condition, text, detail = '' }: StreamError, framed = false): string {
  const declaration = framed ? ` xmlns:stream='${NS.streams}'` : '';
  const words = text === undefined ? '' : `<text xmlns='${NS.streamErrors}' xml:lang='en'>${escapeText(text)}</text>`;
  return `<stream:error${declaration}><${condition} xmlns='${NS.streamErrors}'/>${words}${detail}</stream:error>`;
}
