import { z } from 'zod';
import { declare } from '#src/settings/declaration.ts';
import type { Settings } from '#src/settings/settings.ts';
import { group } from '#src/settings/types.ts';

export const sipXmppSection = declare(
  'sip_xmpp',
  group({
    message_type: z
      .enum(['chat', 'normal'])
      .prefault('chat')
      .describe(
        'Type of the messages that phones send: normal is what RFC 7572 says, chat is where clients show conversations.',
      ),
    receipts: z
      .enum(['answer', 'cpim', 'off'])
      .prefault('answer')
      .describe(
        'Who tells the sender of a message that a phone has it: the phone by its answer to MESSAGE, or the phone by notifications (RFC 5438), asked for in message/cpim, which few phones know; or nobody.',
      ),
    sent_copies: z
      .boolean()
      .prefault(true)
      .describe("Whether phones also get what the account's other devices send, with its recipient before the text."),
  }).describe('Messages and presence between phones and the other protocols.'),
  true,
);

export interface SipXmppOptions {
  readonly messageType: 'chat' | 'normal';
  readonly receipts: 'answer' | 'cpim' | 'off';
  readonly sentCopies: boolean;
}

export function optionsOf(settings: Settings, host: string): SipXmppOptions {
  const own = settings.of(sipXmppSection, host);
  return { messageType: own.message_type, receipts: own.receipts, sentCopies: own.sent_copies };
}
