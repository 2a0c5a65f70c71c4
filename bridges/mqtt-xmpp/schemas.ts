/** The JSON that clients publish and get, as JSON Schema (2020-12): published in docs/schemas by tools/gen-config.ts. */
import { z } from 'zod';
import { chatStates, sendSchema } from './payload.ts';

const jid = (what: string) => z.string().describe(`${what}: an address of XMPP (RFC 7622).`);

/** `<root>/inbox` and `<root>/sent`. */
const inboxSchema = z.object({
  id: z.string().optional().describe('Identifier that the sender gave it; also in Correlation Data.'),
  from: jid('Sender').optional(),
  to: jid('Recipient, as it was written').optional(),
  type: z.enum(['chat', 'normal', 'headline', 'groupchat', 'error']),
  body: z.string().optional(),
  subject: z.string().optional(),
  thread: z.string().optional(),
  lang: z.string().optional().describe('Language tag.'),
  receipt: z
    .literal(true)
    .optional()
    .describe('The sender wants to be told that it arrived: publish received with its id.'),
  markable: z
    .literal(true)
    .optional()
    .describe('The sender wants to be told that it was read: publish displayed with its id.'),
  received: z.string().optional().describe('Your message of this identifier has arrived.'),
  displayed: z.string().optional().describe('Your message of this identifier was read.'),
  state: z.enum(chatStates).optional().describe('Typing state of the sender.'),
  error: z
    .object({
      condition: z.string().describe('RFC 6120 section 8.3.3.'),
      text: z.string().optional(),
      address: z.string().optional().describe('Where to try instead.'),
    })
    .optional()
    .describe('Your message of this id was not delivered.'),
  ts: z.string().describe('When it was sent, ISO 8601.'),
  stanza_id: z.string().optional().describe('Identifier in the archive (XEP-0359).'),
});

/** `<root>/presence/<jid>`. */
const presenceSchema = z.object({
  jid: jid('Of whom'),
  type: z.enum(['available', 'unavailable']),
  show: z.enum(['away', 'chat', 'dnd', 'xa']).optional(),
  status: z.string().optional(),
  priority: z.number().int().min(-128).max(127).optional(),
  resource: z.string().optional().describe('The device that speaks for the account: that of the highest priority.'),
  since: z.string().optional().describe('When that device came, ISO 8601.'),
  resources: z
    .number()
    .int()
    .optional()
    .describe('How many devices are available; absent for contacts on other servers.'),
});

const documents = { send: sendSchema, inbox: inboxSchema, presence: presenceSchema } as const;

/** File names and texts. */
export function schemaFiles(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(documents).map(([name, schema]) => {
      const text = JSON.stringify({ title: `Trivium: xmpp/${name}`, ...z.toJSONSchema(schema) }, undefined, 2);
      return [`docs/schemas/${name}.schema.json`, `${text}\n`];
    }),
  );
}
