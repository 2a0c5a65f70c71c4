/** XEP-0115: Entity Capabilities, version 1.6.0, Draft. The host's own, as a stream feature; and those of clients, remembered when verified. */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Element } from 'ltx';
import { z } from 'zod';
import { defineModule } from '#src/plugin/contracts.ts';
import type { Host } from '#src/router/host.ts';
import type { Session } from '#src/session/session.ts';
import { count } from '#src/settings/types.ts';
import { escapeAttribute } from '#src/stanza/serialise.ts';
import type { FormField } from '../data-form.ts';
import { AUTHENTICATED } from '../stream/feature.ts';
import { describeEntity, DISCO_INFO, type DiscoInfo } from './xep0030-disco.ts';

const CAPS = 'http://jabber.org/protocol/caps';
const DATA = 'jabber:x:data';
/** Identifies the program (section 4). */
const NODE = 'urn:trivium:server';
/** The largest set of features that is remembered, in UTF-16 units; a client has some 2000. */
const FEATURE_UNITS = 16_384;

declare module '#src/hooks/hooks.ts' {
  interface Decisions {
    /** What a session's client can do; undefined while that is not known. */
    'caps/features': { readonly input: Session; readonly answer: ReadonlySet<string> };
  }
  interface Notices {
    /** The capabilities of a session that has broadcast presence are known. */
    'caps/known': { readonly session: Session; readonly features: ReadonlySet<string> };
  }
}

export const caps = defineModule({
  name: 'caps',
  description: 'Tells clients at login what the server offers, and remembers what clients can do.',
  specs: [{ document: 'XEP-0115', version: '1.6.0', title: 'Entity Capabilities', status: 'complete' }],
  settings: z.strictObject({
    cache: count(10, 1_000_000).prefault(1000).describe('Kinds of client whose capabilities are remembered.'),
  }),
  needs: ['registry', 'streams'],
  start(scope, { registry, streams }, { cache }) {
    const { host } = scope;
    scope.feature('host', CAPS);
    scope.own(
      streams(host).features.add({
        name: 'caps',
        requires: AUTHENTICATED,
        forbids: 0,
        elements: [],
        offer: () => `<c xmlns='${CAPS}' hash='sha-1' node='${NODE}' ver='${verification(ownInfo(host))}'/>`,
      }),
    );
    scope.decide('disco/node-info', 'main', ({ node, scope: kind }) => {
      if (kind !== 'host' || !node.startsWith(`${NODE}#`)) return undefined;
      const info = ownInfo(host);
      return node === `${NODE}#${verification(info)}` ? info : undefined;
    });
    const known = new KnownCaps(host, cache, ({ jid }) => registry.find(jid) !== undefined);
    scope.watch('presence/available', ({ session }) => known.learn(session));
    scope.decide('caps/features', 'main', (session) => known.of(session));
  },
});

function ownInfo(host: Host): DiscoInfo {
  const query = { scope: 'host', entity: host.jid, from: undefined, node: '' } as const;
  return describeEntity(host, query) ?? { identities: [], features: [], forms: [] };
}

const octets = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));

/** Section 5.1, in its order. */
export function verification({ features, forms, identities }: DiscoInfo): string {
  const who = identities
    .map(({ category, lang = '', name = '', type }) => `${category}/${type}/${lang}/${name}<`)
    .toSorted(octets);
  const what = features.map((feature) => `${feature}<`).toSorted(octets);
  const more: string[] = [];
  for (const { fields, formType } of forms.toSorted((one, other) => octets(one.formType, other.formType))) {
    more.push(`${formType}<`, ...fields.toSorted((one, other) => octets(one.name, other.name)).flatMap(words));
  }
  return createHash('sha1')
    .update([...who, ...what, ...more].join(''))
    .digest('base64');
}

/** A field's name and its values in order, each with its end. */
function words({ name, values }: FormField): readonly string[] {
  return [name, ...values.toSorted(octets)].map((word) => `${word}<`);
}

/** What an answer to disco#info says; undefined when it is ill-formed by section 5.4. */
export function readInfo(query: Element): DiscoInfo | undefined {
  const attribute = (element: Element, name: string): string =>
    (element.attrs as Readonly<Record<string, string | undefined>>)[name] ?? '';
  const identities = query.getChildren('identity', DISCO_INFO).map((element) => {
    return {
      category: attribute(element, 'category'),
      type: attribute(element, 'type'),
      lang: attribute(element, 'xml:lang'),
      name: attribute(element, 'name'),
    };
  });
  const features = query.getChildren('feature', DISCO_INFO).map((element) => attribute(element, 'var'));
  const forms: DiscoInfo['forms'][number][] = [];
  for (const form of query.getChildren('x', DATA)) {
    const fields = form.getChildren('field', DATA).map((element) => {
      const values = element.getChildren('value', DATA).map((value) => value.getText());
      return { name: attribute(element, 'var'), type: attribute(element, 'type'), values };
    });
    const purpose = fields.find(({ name }) => name === 'FORM_TYPE');
    // A form without a hidden FORM_TYPE is passed over.
    if (purpose?.type !== 'hidden') continue;
    if (new Set(purpose.values).size !== 1) return undefined;
    forms.push({
      type: 'result',
      formType: purpose.values[0] ?? '',
      fields: fields.filter((field) => field !== purpose),
    });
  }
  const names = identities.map(({ category, lang, name, type }) => `${category}/${type}/${lang}/${name}`);
  const twice = [names, features, forms.map(({ formType }) => formType)].some(
    (list) => new Set(list).size < list.length,
  );
  return twice ? undefined : { identities, features, forms };
}

/** What kinds of client can do, by their verification strings: asked once, believed when the string is right (section 5.4). */
class KnownCaps {
  readonly #host: Host;
  readonly #size: number;
  readonly #online: (session: Session) => boolean;
  /** Least recently used first. */
  readonly #known = new Map<string, ReadonlySet<string>>();
  /** Who is being asked for what. An entry whose session has gone is no obstacle. */
  readonly #asking = new Map<string, Session>();

  constructor(host: Host, size: number, online: (session: Session) => boolean) {
    this.#host = host;
    this.#size = size;
    this.#online = online;
  }

  of(session: Session): ReadonlySet<string> | undefined {
    const ver = claimOf(session)?.ver;
    return ver === undefined ? undefined : this.#known.get(ver);
  }

  learn(session: Session): void {
    const claim = claimOf(session);
    if (claim === undefined) return;
    const { node, ver } = claim;
    const features = this.#known.get(ver);
    if (features !== undefined) {
      this.#remember(ver, features);
      return this.#host.hooks.notice('caps/known').tell({ session, features });
    }
    const asked = this.#asking.get(ver);
    if (asked !== undefined && this.#online(asked)) return;
    this.#asking.set(ver, session);
    if (this.#asking.size > this.#size)
      for (const oldest of this.#asking.keys()) if (oldest !== ver) return void this.#asking.delete(oldest);
    const payload = `<query xmlns='${DISCO_INFO}' node='${escapeAttribute(`${node}#${ver}`)}'/>`;
    this.#host.ask(session.jid, payload, (answer) => {
      this.#asking.delete(ver);
      const query = answer.type === 'result' ? answer.child('query', DISCO_INFO) : undefined;
      const info = query === undefined ? undefined : readInfo(query);
      if (info === undefined || verification(info) !== ver) return;
      if (info.features.reduce((sum, { length }) => sum + length, 0) > FEATURE_UNITS) return;
      const found = new Set(info.features);
      this.#remember(ver, found);
      this.#host.hooks.notice('caps/known').tell({ session, features: found });
    });
  }

  #remember(ver: string, features: ReadonlySet<string>): void {
    this.#known.delete(ver);
    this.#known.set(ver, features);
    if (this.#known.size > this.#size) for (const oldest of this.#known.keys()) return void this.#known.delete(oldest);
  }
}

/** What a session's presence claims, where it can be verified: with SHA-1 (section 5.4). */
function claimOf({ presence }: Session): { readonly node: string; readonly ver: string } | undefined {
  const claim: Readonly<Record<string, string | undefined>> = presence?.child('c', CAPS)?.attrs ?? {};
  const { hash, node, ver } = claim;
  if (hash !== 'sha-1' || node === undefined || ver?.length !== 28 || node.length > 1000) return undefined;
  return { node, ver };
}
