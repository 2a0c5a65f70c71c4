/** RFC 7572: the rows of its tables, and bodies of other types (section 7), as requests and stanzas of both worlds. */

/** A MESSAGE by its header fields and body; `branch` is that of the topmost Via. */
export interface Request {
  readonly branch: string;
  readonly callId: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface MessageCase {
  readonly title: string;
  readonly request: Request;
  readonly stanza: string;
}

const addressed = "from='romeo@example.net/dr4hcr0st3lup4c' to='juliet@example.com'";
const request = (body: string, fields: Readonly<Record<string, string>> = {}): Request => ({
  branch: 'z9hG4bKeskdgs677',
  callId: '9E97FB43-85F4-4A00-8751-1124FD4C7B2E',
  fields: { 'Content-Type': 'text/plain', ...fields },
  body,
});
const stanza = (children: string, attributes = ''): string =>
  `<message ${addressed} id='z9hG4bKeskdgs677' type='normal'${attributes}>${children}</message>`;
const thread = '<thread>9E97FB43-85F4-4A00-8751-1124FD4C7B2E</thread>';

/** Table 2, section 7, RFC 3994 and RFC 5438: from SIP to XMPP. */
export const toXmpp: readonly MessageCase[] = [
  {
    title: 'examples 4 and 5: body, From, To, Call-ID, transaction identifier',
    request: request('Neither, fair saint, if either thee dislike.'),
    stanza: stanza(`${thread}<body>Neither, fair saint, if either thee dislike.</body>`),
  },
  {
    title: 'Subject and Content-Language',
    request: request('Ahoj', { Subject: 'Balk\u00f3n & zahrada', 'Content-Language': 'cs, sk' }),
    stanza: stanza(
      `<subject>Balk\u00f3n &amp; zahrada</subject>${thread}<body>Ahoj</body>`,
      " xml:lang='cs'",
    ),
  },
  {
    title: 'a character set that is not UTF-8',
    request: request('caf\u00e9', { 'Content-Type': 'text/plain; charset=utf-8' }),
    stanza: stanza(`${thread}<body>caf\u00e9</body>`),
  },
  {
    title: 'section 7: text/html becomes XHTML-IM',
    request: request('<p onclick="x()">Art <B>thou</b> <a href="https://example.org/?a=1&amp;b=2">not</a> Romeo<script>bad()</script>', {
      'Content-Type': 'text/html',
    }),
    stanza: stanza(
      `${thread}<body>Art thou not Romeo</body><html xmlns='http://jabber.org/protocol/xhtml-im'>` +
        "<body xmlns='http://www.w3.org/1999/xhtml'><p>Art <strong>thou</strong> " +
        "<a href='https://example.org/?a=1&amp;b=2'>not</a> Romeo</p></body></html>",
    ),
  },
  {
    title: 'RFC 3862: message/cpim is unwrapped, and RFC 5438: what its sender asks to be told',
    request: request(
      [
        'From: Alice <im:alice@example.com>',
        'To: Bob <im:bob@example.com>',
        'NS: imdn <urn:ietf:params:imdn>',
        'imdn.Message-ID: 34jk324j',
        'DateTime: 2006-04-04T12:16:49-05:00',
        'imdn.Disposition-Notification: positive-delivery, negative-delivery, display',
        '',
        'Content-type: text/plain',
        'Content-length: 11',
        '',
        'Hello World',
      ].join('\r\n'),
      { 'Content-Type': 'message/cpim' },
    ),
    stanza:
      `<message ${addressed} id='34jk324j' type='normal'>${thread}<body>Hello World</body>` +
      "<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/></message>",
  },
  {
    title: 'RFC 5438 section 7.2.1.1: a delivery notification, its headers without the empty line, as in the RFC',
    request: request(
      [
        'From: Bob <im:bob@example.com>',
        'NS: imdn <urn:ietf:params:imdn>',
        'imdn.Message-ID: d834jied93rf',
        'Content-type: message/imdn+xml',
        'Content-Disposition: notification',
        '',
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>34jk324j</message-id>',
        '<datetime>2008-04-04T12:16:49-05:00</datetime><recipient-uri>im:bob@example.com</recipient-uri>',
        '<delivery-notification><status><delivered/></status></delivery-notification></imdn>',
      ].join('\r\n'),
      { 'Content-Type': 'message/cpim' },
    ),
    stanza: stanza(`${thread}<received xmlns='urn:xmpp:receipts' id='34jk324j'/>`),
  },
  {
    title: 'RFC 5438 section 7.2.1.2: a display notification',
    request: request(
      '<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>34jk324j</message-id>' +
        '<display-notification><status><displayed/></status></display-notification></imdn>',
      { 'Content-Type': 'message/imdn+xml' },
    ),
    stanza: stanza(`${thread}<displayed xmlns='urn:xmpp:chat-markers:0' id='34jk324j'/>`),
  },
  {
    title: 'RFC 7573 table 3: active is composing',
    request: request(
      '<?xml version="1.0" encoding="UTF-8"?>\n<!-- typing -->\n<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"\n' +
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"\nxsi:schemaLocation="urn:ietf:params:xml:ns:im-composing iscomposing.xsd">\n' +
        '<state>active</state>\n<contenttype>text/plain</contenttype>\n<refresh>90</refresh>\n</isComposing>',
      { 'Content-Type': 'application/im-iscomposing+xml' },
    ),
    stanza: stanza(`${thread}<composing xmlns='http://jabber.org/protocol/chatstates'/>`),
  },
  {
    title: 'RFC 7573 table 3: idle is active',
    request: request(
      '<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>idle</state>' +
        '<lastactive>2003-01-27T10:43:00Z</lastactive><contenttype>audio</contenttype></isComposing>',
      { 'Content-Type': 'application/im-iscomposing+xml' },
    ),
    stanza: stanza(`${thread}<active xmlns='http://jabber.org/protocol/chatstates'/>`),
  },
];

/** What is refused, with the status. */
export const refused: readonly (readonly [title: string, status: number, contentType: string, body: string])[] = [
  ['a type that nobody reads', 415, 'image/png', 'PNG'],
  ['several parts', 415, 'multipart/mixed;boundary=x', '--x--'],
  ['CPIM in CPIM', 415, 'message/cpim', 'From: <im:a@b>\r\n\r\nContent-Type: message/cpim\r\n\r\nx'],
  ['an unknown character set', 415, 'text/plain;charset=utf-16', 'x'],
  ['CPIM without an end of its headers', 400, 'message/cpim', 'From: <im:a@b>'],
  ['a malformed typing state', 400, 'application/im-iscomposing+xml', '<isComposing>'],
  [
    'an entity of its own',
    400,
    'application/im-iscomposing+xml',
    '<!DOCTYPE x [<!ENTITY a "active">]><isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>&a;</state></isComposing>',
  ],
];

export interface PartsCase {
  readonly title: string;
  readonly stanza: string;
  /** Undefined: nothing is sent. */
  readonly parts:
    | undefined
    | {
        readonly contentType: string;
        readonly body: string;
        readonly fields: readonly (readonly [string, string])[];
      };
}

const outgoing = "from='juliet@example.com/yn0cl4bnw0yr3vym' to='romeo@example.net'";
const TEXT = 'text/plain;charset=UTF-8';
const COMPOSING = 'application/im-iscomposing+xml';
const state = (name: string): string =>
  `<message ${outgoing} type='chat'><${name} xmlns='http://jabber.org/protocol/chatstates'/></message>`;
const composing = (name: string): string => {
  const refresh = name === 'active' ? '<refresh>120</refresh>' : '';
  return (
    "<?xml version='1.0' encoding='UTF-8'?><isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'>" +
    `<state>${name}</state><contenttype>text/plain</contenttype>${refresh}</isComposing>`
  );
};

/** Table 1, and RFC 7573 table 4: from XMPP to SIP. */
export const toSip: readonly PartsCase[] = [
  {
    title: 'examples 1 and 2: the body; type is not mapped',
    stanza: `<message ${outgoing}><body>Art thou not Romeo, and a Montague?</body></message>`,
    parts: { contentType: TEXT, body: 'Art thou not Romeo, and a Montague?', fields: [] },
  },
  {
    title: 'subject and xml:lang',
    stanza: `<message ${outgoing} xml:lang='cs'><subject>Balk\u00f3n\n&amp; zahrada</subject><body>Ahoj</body></message>`,
    parts: {
      contentType: TEXT,
      body: 'Ahoj',
      fields: [
        ['Subject', 'Balk\u00f3n & zahrada'],
        ['Content-Language', 'cs'],
      ],
    },
  },
  {
    title: 'of several bodies that in the language of the stanza',
    stanza: `<message ${outgoing} xml:lang='en'><body xml:lang='cs'>Ahoj</body><body>Hello</body></message>`,
    parts: { contentType: TEXT, body: 'Hello', fields: [['Content-Language', 'en']] },
  },
  {
    title: 'a message that waited tells when it was sent',
    stanza: `<message ${outgoing}><body>late</body><delay xmlns='urn:xmpp:delay' from='example.com' stamp='2026-11-21T10:00:00Z'/></message>`,
    parts: { contentType: TEXT, body: 'late', fields: [['Date', 'Sat, 21 Nov 2026 10:00:00 GMT']] },
  },
  {
    title: 'an encrypted message: what its sender wrote for those who cannot read it',
    stanza: `<message ${outgoing} type='chat'><encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/><payload>c2VjcmV0</payload></encrypted><body>This message is encrypted.</body></message>`,
    parts: { contentType: TEXT, body: 'This message is encrypted.', fields: [] },
  },
  { title: 'table 4: active is idle', stanza: state('active'), parts: { contentType: COMPOSING, body: composing('idle'), fields: [] } },
  { title: 'table 4: inactive is idle', stanza: state('inactive'), parts: { contentType: COMPOSING, body: composing('idle'), fields: [] } },
  { title: 'table 4: gone is nothing', stanza: state('gone'), parts: undefined },
  {
    title: 'table 4: composing is active',
    stanza: state('composing'),
    parts: { contentType: COMPOSING, body: composing('active'), fields: [] },
  },
  { title: 'table 4: paused is idle', stanza: state('paused'), parts: { contentType: COMPOSING, body: composing('idle'), fields: [] } },
  { title: 'an error is no message', stanza: `<message ${outgoing} type='error'><body>x</body></message>`, parts: undefined },
  { title: 'neither is what has no text', stanza: `<message ${outgoing}><x xmlns='urn:example'/></message>`, parts: undefined },
];
