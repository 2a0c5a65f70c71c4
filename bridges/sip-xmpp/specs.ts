import { specOf as spec, type Spec } from '#src/plugin/contracts.ts';

/** What stands between phones and the others. */
export const specs: readonly Spec[] = [
  spec('RFC 3862', 'CPIM: Message Format', 'all', 'one content, not nested'),
  spec('RFC 3994', 'Indication of Message Composition for Instant Messaging', 'all'),
  spec('RFC 4480', 'RPID: Rich Presence Extensions to PIDF', 'section 3.2', 'activities only'),
  spec('RFC 5438', 'Instant Message Disposition Notification', 'all', 'delivered and displayed; no failures'),
  spec('RFC 7572', 'Interworking between SIP and XMPP: Instant Messaging', 'all'),
  spec(
    'RFC 7573',
    'Interworking between SIP and XMPP: One-to-One Text Chat',
    'sections 6 and 7',
    'single messages, no MSRP',
  ),
  spec('RFC 8048', 'Interworking between SIP and XMPP: Presence', 'all', 'phones of this server'),
];
