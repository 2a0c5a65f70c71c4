import test from 'ava';
import { Core } from 'sip.js';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { parseMessage } from '#protocols/sip/message/parse.ts';
import { Random } from '#test/fuzz/random.ts';
import { wholeMessage } from '#test/fuzz/sip-messages.ts';

const silent = { error: () => {}, warn: () => {}, log: () => {}, debug: () => {} };
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const member = (value: unknown, name: string): string =>
  value instanceof Object && name in value ? text((value as Record<string, unknown>)[name]) : '';

/** What both parsers say of a message. sip.js leaves escapes in display names and keeps the last of Vias on one line: those are left out. */
const ours = (message: SipRequest | SipResponse): readonly unknown[] => [
  message.kind === 'request' ? message.method : message.status,
  message.callId,
  message.cseq,
  [message.from, message.to].map((each) => [each?.tag, each?.sipUri?.host, each?.sipUri?.port]),
  message.vias?.at(-1)?.branch,
  message.body.toString(),
];

const theirs = (message: Core.IncomingRequestMessage | Core.IncomingResponseMessage): readonly unknown[] => [
  message instanceof Core.IncomingRequestMessage ? message.method : message.statusCode,
  message.callId,
  { number: message.cseq, method: member(message.parseHeader('cseq'), 'method') },
  [message.from, message.to].map((each) => [
    text(each.getParam('tag')) || undefined,
    each.uri.host.toLowerCase().replace(/\.$/, ''),
    each.uri.port,
  ]),
  member(message.parseHeader('via', message.getHeaders('via').length - 1), 'branch'),
  message.body,
];

test('of messages that sip.js takes it reads what we read', (t) => {
  const random = new Random(4475);
  let compared = 0;
  for (let count = 0; count < 300; count++) {
    const bytes = wholeMessage(random);
    const other = Core.Parser.parseMessage(bytes.toString(), silent as unknown as Core.Logger);
    const message = parseMessage(bytes);
    if (message.kind === 'malformed') return t.fail(message.reason);
    if (other === undefined) continue;
    compared++;
    t.deepEqual(ours(message), theirs(other));
  }
  return t.true(compared > 80, `${compared}`);
});
