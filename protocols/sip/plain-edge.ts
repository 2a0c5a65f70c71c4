import { isUtf8 } from 'node:buffer';
import type { Jid } from '#src/address/jid.ts';
import { escapeText } from '#src/stanza/serialise.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import type { MessageParts, StanzaEdge, StatusRefusal } from './edge.ts';
import type { SipRequest } from './message/message.ts';

// XML 1.0 section 2.2: what no document can hold.
const NO_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/** Text, and nothing but text: what is served while no bridge is there. */
export const plainEdge: StanzaEdge = {
  accepts: ['text/plain'],

  toStanza(request: SipRequest, from: Jid, to: Jid): Stanza | StatusRefusal {
    const type = (request.get('Content-Type') ?? 'text/plain').split(';')[0]?.trim().toLowerCase();
    if (type !== 'text/plain') return { status: 415, fields: [['Accept', 'text/plain']] };
    if (!isUtf8(request.body)) return { status: 400, reason: 'The Body Is Not UTF-8' };
    const text = request.body.toString('utf8');
    if (NO_XML.test(text)) return { status: 400, reason: 'Control Characters In The Body' };
    return Stanza.make('message', { from, to, type: 'chat', id: request.callId }, `<body>${escapeText(text)}</body>`);
  },

  toRequest(stanza: Stanza): MessageParts | undefined {
    const body = stanza.type === 'error' ? undefined : stanza.child('body')?.getText();
    if (body === undefined || body === '') return undefined;
    return { contentType: 'text/plain;charset=UTF-8', body: Buffer.from(body), fields: [] };
  },
};
