import type { Spec } from '#src/plugin/contracts.ts';

const spec = (document: string, title: string, version: string, note?: string): Spec => ({
  document,
  title,
  version,
  status: note === undefined ? 'complete' : 'partial',
  ...(note === undefined ? {} : { note }),
});

/** What the SIP server implements, as a registrar, proxy, presence agent and client of its trunks. */
export const specs: readonly Spec[] = [
  spec('RFC 3261', 'SIP: Session Initiation Protocol', 'sections 7, 8, 10, 11, 16 to 20, 22'),
  spec('RFC 3262', 'Reliability of Provisional Responses', 'passed on'),
  spec('RFC 3263', 'Locating SIP Servers', 'all'),
  spec('RFC 3311', 'UPDATE Method', 'passed on'),
  spec('RFC 3325', 'Asserted Identity within Trusted Networks', 'section 9', 'P-Asserted-Identity with trunks only'),
  spec('RFC 3326', 'Reason Header Field', 'all'),
  spec('RFC 3327', 'Path Header Field', 'section 5.3'),
  spec('RFC 3428', 'SIP Extension for Instant Messaging', 'all'),
  spec('RFC 3515', 'REFER Method', 'passed on'),
  spec('RFC 3581', 'Symmetric Response Routing', 'all'),
  spec('RFC 3608', 'Service-Route Header Field', 'section 6'),
  spec('RFC 3856', 'Presence Event Package for SIP', 'all'),
  spec('RFC 3857', 'Watcher Information Event Package', 'all'),
  spec('RFC 3863', 'Presence Information Data Format (PIDF)', 'all'),
  spec('RFC 3903', 'Event State Publication', 'all'),
  spec('RFC 3966', 'The tel URI for Telephone Numbers', 'all'),
  spec('RFC 4028', 'Session Timers', 'passed on'),
  spec('RFC 4320', 'Non-INVITE Transaction Fixes', 'all'),
  spec('RFC 4475', 'SIP Torture Test Messages', 'all'),
  spec('RFC 4662', 'Event Notification for Resource Lists', 'the contact list', 'one list an account'),
  spec('RFC 5118', 'SIP Torture Test Messages for IPv6', 'all'),
  spec('RFC 5393', 'Amplification Vulnerability in Forking Proxies', 'all'),
  spec('RFC 5626', 'Client-Initiated Connections (outbound)', 'sections 3.5, 4.4, 5.3, 6, 7'),
  spec('RFC 5627', 'Globally Routable User Agent URIs (GRUU)', 'sections 5 and 6'),
  spec('RFC 5658', 'Record-Route Issues', 'section 3.1'),
  spec('RFC 6026', 'Correct Handling for 2xx Responses to INVITE', 'all'),
  spec('RFC 6665', 'SIP-Specific Event Notification', 'as a notifier'),
  spec('RFC 7118', 'WebSocket as a Transport for SIP', 'all'),
  spec('RFC 7247', 'SIP-XMPP Interworking: Addresses and Errors', 'sections 6 and 7'),
  spec('RFC 7616', 'HTTP Digest Access Authentication', 'sections 3.3 and 3.4', 'qop auth only, no -sess'),
  spec('RFC 8760', 'Digest with SHA-256 for SIP', 'all', 'SHA-512-256 as a server only'),
];
