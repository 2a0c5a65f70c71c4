import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { Element } from 'ltx';
import type { Jid } from '#src/address/jid.ts';
import { parseDocument } from '#src/stanza/parse.ts';
import { escapeText, writeElement } from '#src/stanza/serialise.ts';
import { Stanza, type StanzaKind } from '#src/stanza/stanza.ts';
import { type Argument, type Command, CommandError, defineCommand } from '../commands.ts';
import type { AdminParts } from '../parts.ts';
import { account, accountOf, durably, jidOf, quoted, refusalError } from './common.ts';

const tags = ['stanza'];
const CLIENT = 'jabber:client';
/** What an operator may send: as much as a client by default. */
const LIMITS = { maxBytes: 262_144, maxDepth: 64, maxAttributes: 64, maxElements: 10_000 };

const from = { name: 'from', type: 'string', description: 'Address of the sender' } as const satisfies Argument;
const to = { name: 'to', type: 'string', description: 'Address of the receiver' } as const satisfies Argument;

const sendMessage = defineCommand({
  name: 'send_message',
  description: 'Send a message, as if it came from the address given.',
  tags,
  arguments: [
    { name: 'type', type: 'string', description: 'chat, normal, headline or groupchat' },
    from,
    to,
    { name: 'subject', type: 'string', description: 'Subject; empty for none', private: true },
    { name: 'body', type: 'string', description: 'Text; empty for none', private: true },
  ],
  result: 'rescode',
  run(parts, args) {
    if (!['chat', 'normal', 'headline', 'groupchat'].includes(args.type))
      throw new CommandError(400, `there is no type ${quoted(args.type)}`);
    const attributes = {
      from: jidOf(args.from, 'the sender'),
      to: jidOf(args.to, 'the receiver'),
      id: randomUUID(),
      type: args.type,
    };
    const children = [textElement('subject', args.subject), textElement('body', args.body)];
    return route(parts, Stanza.make('message', attributes, ...children));
  },
});

/** What XML cannot hold is replaced. @throws CommandError 400 for a text that is too long */
function textElement(name: string, text: string): string {
  const { maxBytes } = LIMITS;
  if (Buffer.byteLength(text) > maxBytes) throw new CommandError(400, `the ${name} has at most ${maxBytes} bytes`);
  return text === '' ? '' : `<${name}>${escapeText(text)}</${name}>`;
}

const sendStanza = defineCommand({
  name: 'send_stanza',
  description: 'Send a stanza (message, presence or iq), as if it came from the address given.',
  tags,
  arguments: [
    from,
    to,
    {
      name: 'stanza',
      type: 'string',
      description: 'The stanza as XML; its own from and to are replaced',
      private: true,
    },
  ],
  result: 'rescode',
  run: (parts, args) =>
    route(parts, parse(args.stanza, jidOf(args.from, 'the sender'), jidOf(args.to, 'the receiver'))),
});

function parse(text: string, sender: Jid, receiver: Jid): Stanza {
  const parsed = parseDocument(text, LIMITS);
  if (!('element' in parsed)) throw new CommandError(400, `the stanza is refused: ${parsed.fault}, ${parsed.reason}`);
  const { element } = parsed;
  const kind = kindOf(element);
  const { id, type, 'xml:lang': lang } = element.attrs as Readonly<Record<string, string | undefined>>;
  // RFC 6120 section 8.2.3.
  const typed = type === 'get' || type === 'set' || type === 'result' || type === 'error';
  if (kind === 'iq' && (id === undefined || !typed))
    throw new CommandError(400, 'an iq needs an id, and get, set, result or error as its type');
  // Without a namespace of its own the stanza is in that of its stream; written so, that its children are too.
  const around = element.getNS() ?? '';
  const content = element.children.map((child) =>
    typeof child === 'string' ? escapeText(child) : writeElement(child, around),
  );
  return new Stanza(kind, receiver, sender, id, type, lang, Buffer.from(content.join('')), '');
}

function kindOf(element: Element): StanzaKind {
  const name = element.getName();
  const xmlns = element.getNS() ?? '';
  const stanza = name === 'message' || name === 'presence' || name === 'iq';
  if (stanza && (xmlns === '' || xmlns === CLIENT) && element.name === name) return name;
  throw new CommandError(400, `${quoted(name)} is no message, presence or iq of ${CLIENT}`);
}

/** Routes it; what is stored for later is on the disk before the operator hears of it. */
async function route(parts: AdminParts, stanza: Stanza): Promise<boolean> {
  const outcome = parts.router.route(stanza);
  if (outcome.kind === 'refused') throw refusalError(outcome.refusal);
  return durably(parts, true);
}

const getOfflineCount = defineCommand({
  name: 'get_offline_count',
  description: 'How many messages wait for an account.',
  tags: ['offline'],
  offline: true,
  arguments: account,
  result: 'value',
  run: (parts, args) => parts.offline.count(accountOf(parts, args.user, args.host)),
});

export const messageCommands: readonly Command[] = [sendMessage, sendStanza, getOfflineCount];
