/** RFC 8048: presence stanzas and PIDF documents (RFC 3863), `application/pidf+xml`, with the activities of RFC 4480. */
import type { Buffer } from 'node:buffer';
import type { Element } from 'ltx';
import type { Jid } from '#src/address/jid.ts';
import { sipUriFromJid } from '#src/address/uri.ts';
import { escapeAttribute, escapeText } from '#src/stanza/serialise.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import { presUriFromJid } from './address.ts';
import { readDocument } from './document.ts';

export const PIDF = 'application/pidf+xml';
const XMLNS = 'urn:ietf:params:xml:ns:pidf';
const DATA_MODEL = 'urn:ietf:params:xml:ns:pidf:data-model';
const RPID = 'urn:ietf:params:xml:ns:pidf:rpid';

export type Show = 'away' | 'chat' | 'dnd' | 'xa';
const SHOWS: ReadonlySet<string> = new Set(['away', 'chat', 'dnd', 'xa']);
/** RFC 4480 section 3.2. */
const ACTIVITIES: Readonly<Record<Show, string | undefined>> = {
  away: '<rpid:away/>',
  chat: undefined,
  dnd: '<rpid:busy/>',
  xa: '<rpid:away/>',
};
const SHOW_OF_ACTIVITY: readonly (readonly [activity: string, show: Show])[] = [
  ['busy', 'dnd'],
  ['on-the-phone', 'dnd'],
  ['meeting', 'dnd'],
  ['away', 'away'],
  ['meal', 'away'],
  ['permanent-absence', 'xa'],
  ['sleeping', 'xa'],
  ['vacation', 'xa'],
];

/** One tuple of a document: a device, by its resource where that is known. */
export interface Tuple {
  readonly resource: string;
  readonly open: boolean;
  readonly show: Show | undefined;
  /** In the order of the document; the language where it is told. */
  readonly notes: readonly { readonly text: string; readonly lang: string | undefined }[];
  /** 0 to 127; undefined when it is not told. */
  readonly priority: number | undefined;
}

export interface PidfDocument {
  readonly entity: string;
  readonly tuples: readonly Tuple[];
}

// XMPP to SIP

/**
 * Table 1: what an account's devices show, a tuple for each; no stanza at all makes one that is closed.
 * @param presences from full addresses: available ones, or of type `unavailable`
 */
export function writePidf(account: Jid, presences: readonly Stanza[]): string {
  const tuples = presences.map(tupleOf);
  const states = presences.flatMap((presence) => showOf(presence) ?? []);
  const inside =
    tuples.length === 0 ? "<tuple id='ID-none'><status><basic>closed</basic></status></tuple>" : tuples.join('');
  return (
    `<?xml version='1.0' encoding='UTF-8'?><presence xmlns='${XMLNS}' xmlns:dm='${DATA_MODEL}' xmlns:rpid='${RPID}' ` +
    `entity='${escapeAttribute(presUriFromJid(account))}'>${inside}${personOf(presences, states)}</presence>`
  );
}

/** RFC 4480 is about the person: away or busy only when each available device says so. */
function personOf(presences: readonly Stanza[], shows: readonly Show[]): string {
  const available = presences.filter(({ type }) => type === undefined).length;
  const [first] = shows;
  const activity = first === undefined || shows.length < available ? undefined : ACTIVITIES[first];
  if (activity === undefined) return '';
  return `<dm:person id='person'><rpid:activities>${activity}</rpid:activities></dm:person>`;
}

function tupleOf(presence: Stanza): string {
  const { from, type } = presence;
  const open = type === undefined;
  const show = showOf(presence);
  const priority = priorityOf(presence);
  const status = `<basic>${open ? 'open' : 'closed'}</basic>${show === undefined ? '' : `<show xmlns='jabber:client'>${show}</show>`}`;
  const rank = open && priority !== undefined && priority >= 0 ? ` priority='${qvalueOf(priority)}'` : '';
  const contact = from === undefined || !open ? '' : `<contact${rank}>${escapeText(sipUriFromJid(from))}</contact>`;
  const notes = presence.element.getChildren('status', 'jabber:client').map((note) => {
    const lang: unknown = note.attrs['xml:lang'] ?? presence.lang;
    const tag = typeof lang === 'string' && lang !== '' ? ` xml:lang='${escapeAttribute(lang)}'` : '';
    return `<note${tag}>${escapeText(note.getText())}</note>`;
  });
  return `<tuple id='${idOf(from?.resource ?? '')}'><status>${status}</status>${contact}${notes.join('')}</tuple>`;
}

/**
 * Note 2: `ID-` makes a name of a resource. What no xs:ID can hold is written as `_` and its code point in hexadecimal digits, and so is
 * `_` itself, so that the resource can be read back.
 */
export function idOf(resource: string): string {
  let id = 'ID-';
  for (const char of resource) {
    id += /^[A-Za-z0-9.-]$/.test(char) ? char : `_${(char.codePointAt(0) ?? 0).toString(16)}.`;
  }
  return id;
}

export function resourceOf(id: string): string {
  const name = id.startsWith('ID-') ? id.slice(3) : id;
  return name.replaceAll(/_([0-9a-f]{1,6})\./g, (whole, hex: string) => {
    const code = Number.parseInt(hex, 16);
    return code > 0x10ffff ? whole : String.fromCodePoint(code);
  });
}

function showOf(presence: Stanza): Show | undefined {
  const show = presence.child('show')?.getText().trim() ?? '';
  return presence.type === undefined && SHOWS.has(show) ? (show as Show) : undefined;
}

function priorityOf(presence: Stanza): number | undefined {
  const text = presence.child('priority')?.getText().trim() ?? '';
  return /^-?\d{1,3}$/.test(text) ? Number(text) : undefined;
}

/** Note 6: 0 is 0, 127 is 1, with at most three decimals, each priority another one. */
export const qvalueOf = (priority: number): string => String(Math.floor((priority * 1000) / 127) / 1000);

export function priorityOfQvalue(text: string): number | undefined {
  if (!/^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text)) return undefined;
  return Math.max(0, Math.ceil(Number(text) * 127 - 1e-9));
}

// SIP to XMPP

/** Undefined for what is no such document. Tuples without a status are left out. */
export function readPidf(body: Buffer): PidfDocument | undefined {
  const root = readDocument(body, 'presence', XMLNS);
  if (root === undefined) return undefined;
  const person = activityIn(root);
  // RFC 3863 section 4.1.5: notes of the whole document hold for all of it.
  const notes = root.getChildren('note', XMLNS).map(readNote);
  const tuples = root.getChildren('tuple', XMLNS).flatMap((tuple) => readTuple(tuple, person, notes) ?? []);
  const entity: unknown = root.attrs['entity'];
  return { entity: typeof entity === 'string' ? entity : '', tuples };
}

function readTuple(tuple: Element, person: Show | undefined, shared: Tuple['notes']): Tuple | undefined {
  const status = tuple.getChild('status', XMLNS);
  const basic = status?.getChild('basic', XMLNS)?.getText().trim();
  if (basic !== 'open' && basic !== 'closed') return undefined;
  const open = basic === 'open';
  const told =
    (status?.getChild('show', 'jabber:client') ?? tuple.getChild('show', 'jabber:client'))?.getText().trim() ?? '';
  const show = SHOWS.has(told) ? (told as Show) : (activityIn(tuple) ?? (status && activityIn(status)) ?? person);
  const rank: unknown = tuple.getChild('contact', XMLNS)?.attrs['priority'];
  const id: unknown = tuple.attrs['id'];
  const notes = tuple.getChildren('note', XMLNS).map(readNote);
  return {
    resource: typeof id === 'string' ? resourceOf(id) : '',
    open,
    show: open ? show : undefined,
    notes: notes.length === 0 ? shared : notes,
    priority: typeof rank === 'string' ? priorityOfQvalue(rank) : undefined,
  };
}

function readNote(note: Element): Tuple['notes'][number] {
  const lang: unknown = note.attrs['xml:lang'];
  return { text: note.getText().trim(), lang: typeof lang === 'string' ? lang : undefined };
}

/** RFC 4480 and the data model of RFC 4479: of the person or of a tuple; phones put `rpid:activities` into either. */
function activityIn(parent: Element): Show | undefined {
  const holders = [parent, ...parent.getChildren('person', DATA_MODEL)];
  for (const holder of holders) {
    const activities = holder.getChild('activities', RPID);
    const found = SHOW_OF_ACTIVITY.find(([activity]) => activities?.getChild(activity, RPID) !== undefined);
    if (found !== undefined) return found[1];
  }
  return undefined;
}

/** Table 2: one tuple as presence of a device. The address it is sent to is the caller's matter. */
export function presenceFrom({ notes, open, priority, show }: Tuple, from: Jid, lang?: string): Stanza {
  const children = [
    show === undefined ? '' : `<show>${show}</show>`,
    // RFC 6121 section 4.7.2.2: one status a language.
    ...notes
      .filter(({ lang: tag, text }, at) => text !== '' && notes.findIndex((other) => other.lang === tag) === at)
      .map((note) => {
        const tag = note.lang === undefined ? '' : ` xml:lang='${escapeAttribute(note.lang)}'`;
        return `<status${tag}>${escapeText(note.text)}</status>`;
      }),
    priority === undefined || !open ? '' : `<priority>${priority}</priority>`,
  ];
  return Stanza.make('presence', { from, type: open ? undefined : 'unavailable', lang }, ...children);
}
