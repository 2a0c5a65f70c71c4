/** XEP-0030: Service Discovery, version 2.5.0: questions and answers, for whatever answers under a domain of this server. */
import type { Jid } from '#src/address/jid.ts';
import type { Identity } from '#src/router/features.ts';
import type { IqAnswer, IqRequest, IqScope } from '#src/router/iq.ts';
import { escapeAttribute } from '#src/stanza/serialise.ts';
import { type DataForm, writeForm } from '../data-form.ts';

export const DISCO_INFO = 'http://jabber.org/protocol/disco#info';
export const DISCO_ITEMS = 'http://jabber.org/protocol/disco#items';

/** Whom a question is about, and who asks. */
export interface DiscoQuery {
  readonly scope: IqScope;
  readonly entity: Jid;
  /** Undefined when the server asks itself, as for entity capabilities. */
  readonly from: Jid | undefined;
  /** '' when no node was asked for. */
  readonly node: string;
}

/** An answer to disco#info (section 3.1), with its extensions (XEP-0128). */
export interface DiscoInfo {
  readonly identities: readonly Identity[];
  readonly features: readonly string[];
  readonly forms: readonly DataForm[];
}

/** An item of disco#items (section 4.1). */
export interface DiscoItem {
  readonly jid: string;
  readonly node?: string;
  readonly name?: string;
}

declare module '#src/hooks/hooks.ts' {
  interface Transforms {
    /** What an entity says of itself when no node is asked for. */
    'disco/info': { readonly input: DiscoQuery; readonly value: DiscoInfo };
    /** Services of a host, items of an account, when no node is asked for. */
    'disco/items': { readonly input: DiscoQuery; readonly value: readonly DiscoItem[] };
  }
  interface Decisions {
    /** What stands behind a node; nobody's answer makes item-not-found. */
    'disco/node-info': { readonly input: DiscoQuery; readonly answer: DiscoInfo };
    'disco/node-items': { readonly input: DiscoQuery; readonly answer: readonly DiscoItem[] };
  }
}

/** Section 3.2: the answer mirrors the node. */
export function answerDisco({ payload, stanza }: IqRequest, xmlns: string, inner: string): IqAnswer {
  const node: unknown = payload.attrs['node'];
  const mirrored = typeof node === 'string' ? ` node='${escapeAttribute(node)}'` : '';
  return stanza.result(`<query xmlns='${xmlns}'${mirrored}>${inner}</query>`);
}

export function writeInfo({ features, forms, identities }: DiscoInfo): string {
  const who = identities.map(({ category, lang, name, type }) => {
    const title = name === undefined ? '' : ` name='${escapeAttribute(name)}'`;
    const language = lang === undefined ? '' : ` xml:lang='${escapeAttribute(lang)}'`;
    return `<identity category='${escapeAttribute(category)}' type='${escapeAttribute(type)}'${title}${language}/>`;
  });
  const what = features.map((feature) => `<feature var='${escapeAttribute(feature)}'/>`);
  return [...who, ...what, ...forms.map(writeForm)].join('');
}

export function writeItems(items: readonly DiscoItem[]): string {
  return items
    .map(({ jid, name, node }) => {
      const at = node === undefined ? '' : ` node='${escapeAttribute(node)}'`;
      const title = name === undefined ? '' : ` name='${escapeAttribute(name)}'`;
      return `<item jid='${escapeAttribute(jid)}'${at}${title}/>`;
    })
    .join('');
}
