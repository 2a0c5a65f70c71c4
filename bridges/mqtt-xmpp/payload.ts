/** What a client publishes to send a message: JSON by a published schema, plain text, a stanza, or any other bytes. */
import { type Buffer, isUtf8 } from 'node:buffer';
import { z } from 'zod';
import type { Message, MessageProperties } from '#protocols/mqtt/packet/types.ts';
import type { StanzaKind } from '#src/stanza/stanza.ts';
import { Scanner } from '#src/stanza/scanner.ts';
import type { Attributes, Frame } from '#src/stanza/frame.ts';

export const XMPP_XML = 'application/xmpp+xml';
export const JSON_TYPE = 'application/json';

const MAX_ID = 1023;
const identifier = () => z.string().min(1).max(MAX_ID);
const text = () => z.string().max(65_536);
export const chatStates = ['active', 'composing', 'gone', 'inactive', 'paused'] as const;

/** The payload of `<root>/send/<jid>`. */
export const sendSchema = z
  .strictObject({
    id: identifier().optional().describe('Identifier that answers, receipts and errors refer to.'),
    from: z.string().max(3071).optional().describe('Must be the own address when it is given.'),
    to: z.string().max(3071).optional().describe('Must be the address in the topic when it is given.'),
    type: z
      .enum(['chat', 'normal', 'headline', 'groupchat'])
      .optional()
      .describe('chat when absent (RFC 6121 section 5.2.2).'),
    body: text().optional().describe('What people read.'),
    subject: text().optional(),
    thread: identifier().optional().describe('Conversation (RFC 6121 section 5.2.5).'),
    lang: z
      .string()
      .regex(/^[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,8}$/)
      .optional()
      .describe('Language tag of body and subject.'),
    receipt: z.boolean().optional().describe('Asks to be told that the message has arrived (XEP-0184).'),
    markable: z.boolean().optional().describe('Asks to be told that the message was read (XEP-0333).'),
    received: identifier().optional().describe('The message of this identifier has arrived (XEP-0184).'),
    displayed: identifier().optional().describe('The message of this identifier was read (XEP-0333).'),
    state: z.enum(chatStates).optional().describe('Typing state (XEP-0085).'),
  })
  .refine(
    (value) =>
      [value.body, value.subject, value.received, value.displayed, value.state].some((part) => part !== undefined),
    {
      error: 'one of body, subject, received, displayed and state is needed',
    },
  );

export type Draft = z.output<typeof sendSchema>;

/** A stanza as it was written: addresses are still texts. */
export interface RawStanza {
  readonly kind: StanzaKind;
  readonly attributes: Attributes;
  readonly content: Buffer;
  readonly declarations: string;
}

export type Payload =
  | { readonly kind: 'draft'; readonly draft: Draft }
  | { readonly kind: 'stanza'; readonly stanza: RawStanza }
  | { readonly kind: 'data'; readonly contentType: string; readonly bytes: Buffer }
  | { readonly kind: 'invalid'; readonly text: string };

const invalid = (reason: string): Payload => ({ kind: 'invalid', text: reason });

/**
 * What a publication says. Without a Content Type, text is text, and what begins with a brace is JSON.
 * @param maxBytes of JSON, text and stanzas
 */
export function readPayload({ payload, properties }: Message, maxBytes: number): Payload {
  const type = properties.contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (payload.length > maxBytes) return invalid('the payload is too large');
  if (type === XMPP_XML) return readStanza(payload, maxBytes);
  const isText = isUtf8(payload);
  if (properties.payloadFormat === 1 && !isText) return invalid('the payload is not UTF-8');
  if (type === JSON_TYPE || (type === '' && isText && firstByte(payload) === 0x7b)) return readJson(payload);
  if (isText && payload.length > 0 && (type === '' || type === 'text/plain'))
    return fromText(payload.toString('utf8'), properties);
  if (payload.length === 0) return invalid('nothing was said');
  return { kind: 'data', contentType: properties.contentType ?? 'application/octet-stream', bytes: payload };
}

function firstByte(payload: Buffer): number | undefined {
  for (const byte of payload) if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
  return undefined;
}

function readJson(payload: Buffer): Payload {
  if (!isUtf8(payload)) return invalid('the payload is not UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch {
    return invalid('the payload is not JSON');
  }
  const parsed = sendSchema.safeParse(value);
  if (parsed.success) return { kind: 'draft', draft: parsed.data };
  const [issue] = parsed.error.issues;
  return invalid(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as the schema says'}`);
}

/** User Properties say what JSON would: `subject`, `thread`, `type`, `lang`, `id`. */
function fromText(body: string, { userProperties = [] }: MessageProperties): Payload {
  const said: Record<string, string> = { body };
  for (const [name, value] of userProperties) if (ATTRIBUTES.has(name)) said[name] = value;
  const parsed = sendSchema.safeParse(said);
  return parsed.success ? { kind: 'draft', draft: parsed.data } : invalid('a user property is not as the schema says');
}

/** User Properties with a meaning of their own. */
export const ATTRIBUTES: ReadonlySet<string> = new Set(['id', 'lang', 'subject', 'thread', 'type']);

function readStanza(payload: Buffer, maxBytes: number): Payload {
  let frame: Frame | undefined;
  let fault: string | undefined;
  const handler = {
    onStream: () => undefined,
    onEnd: () => undefined,
    onFrame: (one: Frame) => void (frame = one),
    onFault: (_: string, reason: string) => void (fault = reason),
  };
  const scanner = new Scanner(handler, { maxBytes, maxDepth: 64, maxAttributes: 64, maxElements: 4000 }, 'framed');
  scanner.push(payload);
  scanner.end();
  if (fault !== undefined || frame === undefined) return invalid(fault ?? 'no stanza');
  const { attributes, content, declarations, defaultXmlns, name, prefix } = frame;
  const isStanza =
    prefix === '' && (name === 'message' || name === 'iq') && (defaultXmlns === '' || defaultXmlns === 'jabber:client');
  if (!isStanza) return invalid('no message and no iq of jabber:client');
  return { kind: 'stanza', stanza: { kind: name, attributes, content, declarations } };
}
