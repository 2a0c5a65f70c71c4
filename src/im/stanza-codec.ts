import { Buffer } from 'node:buffer';
import { Jid } from '#src/address/jid.ts';
import { Stanza, type StanzaKind } from '#src/stanza/stanza.ts';
import type { Codec } from '#src/store/codec.ts';

/** A stanza at rest: with the time it was kept, in milliseconds since the epoch. */
export interface StoredStanza {
  readonly stanza: Stanza;
  readonly at: number;
}

interface Head {
  readonly k: StanzaKind;
  readonly t: number;
  readonly to?: string;
  readonly from?: string;
  readonly id?: string;
  readonly type?: string;
  readonly lang?: string;
  readonly ns?: string;
}

const NEWLINE = 10;

/**
 * One line of JSON with the attributes, then the inner XML as it came: nothing is parsed to be stored, and nothing but the head to be
 * read back.
 */
export const stanzas: Codec<StoredStanza> = {
  encode({ stanza, at }) {
    const { kind, to, from, id, type, lang, content, declarations } = stanza;
    const head = {
      k: kind,
      t: at,
      to: to?.full,
      from: from?.full,
      id,
      type,
      lang,
      ns: declarations === '' ? undefined : declarations,
    };
    return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), content]);
  },

  decode(bytes) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const end = buffer.indexOf(NEWLINE);
    if (end < 0) throw new Error('a stored stanza has no head');
    const head = JSON.parse(buffer.toString('utf8', 0, end)) as Head;
    const to = head.to === undefined ? undefined : Jid.parse(head.to);
    const from = head.from === undefined ? undefined : Jid.parse(head.from);
    const content = buffer.subarray(end + 1);
    return { at: head.t, stanza: new Stanza(head.k, to, from, head.id, head.type, head.lang, content, head.ns ?? '') };
  },
};
