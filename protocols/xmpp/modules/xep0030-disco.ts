/** XEP-0030: Service Discovery, version 2.5.0, Final. For the host and on behalf of its accounts, with the forms of XEP-0128. */
import { z } from 'zod';
import type { Rosters } from '#src/im/roster.ts';
import { sharesPresence } from '#src/im/subscription.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import type { Identity } from '#src/router/features.ts';
import type { Host } from '#src/router/host.ts';
import type { IqRequest, IqScope } from '#src/router/iq.ts';
import { refuse } from '#src/stanza/conditions.ts';
import {
  answerDisco,
  DISCO_INFO,
  DISCO_ITEMS,
  type DiscoInfo,
  type DiscoItem,
  type DiscoQuery,
  writeInfo,
  writeItems,
} from '../types/disco.ts';

export { DISCO_INFO, DISCO_ITEMS, type DiscoInfo, type DiscoItem, type DiscoQuery } from '../types/disco.ts';

export const disco = defineModule({
  name: 'disco',
  description: 'Tells what the server and its accounts are, offer and contain.',
  specs: [
    {
      document: 'XEP-0030',
      version: '2.5.0',
      title: 'Service Discovery',
      status: 'complete',
      note: 'items of an account: a stranger gets service-unavailable, as for no account (RFC 6121 section 8.5.1), not an empty list',
    },
    { document: 'XEP-0128', version: '1.0.1', title: 'Service Discovery Extensions', status: 'complete' },
  ],
  settings: z.strictObject({
    name: z.string().min(1).max(200).prefault('Trivium').describe('The name under which clients show the server.'),
  }),
  needs: ['registry', 'roster'],
  start(scope, { registry, roster }, { name }) {
    const { host } = scope;
    for (const feature of [DISCO_INFO, DISCO_ITEMS]) scope.feature('both', feature);
    scope.transform('disco/info', 'guard', (info, query) => ({ ...info, identities: [identity(query.scope, name)] }));
    scope.transform('disco/items', 'guard', (items, { entity, scope: kind }) => {
      if (kind === 'host') return items;
      const available = registry.of(entity.bare).filter(({ presence }) => presence !== undefined);
      return [...items, ...available.map(({ jid }) => ({ jid: jid.full }))];
    });
    for (const kind of ['host', 'account'] as const) {
      scope.iq(kind, 'get', DISCO_INFO, 'query', (request) => {
        if (kind === 'account' && !trusted(request, roster)) return refuse('service-unavailable');
        const info = describeEntity(host, queryOf(kind, request));
        return info === undefined ? refuse('item-not-found') : answerDisco(request, DISCO_INFO, writeInfo(info));
      });
      scope.iq(kind, 'get', DISCO_ITEMS, 'query', (request) => {
        if (kind === 'account' && !trusted(request, roster)) return refuse('service-unavailable');
        const items = itemsOf(host, queryOf(kind, request));
        return items === undefined ? refuse('item-not-found') : answerDisco(request, DISCO_ITEMS, writeItems(items));
      });
    }
  },
});

/**
 * Section 8: about an account, only those are told who may see its presence. Whoever asks for its items gets the same error as for an
 * account that does not exist (RFC 6121 section 8.5.1), so that nothing can be told from it.
 */
function trusted({ from, own, to }: IqRequest, rosters: Rosters): boolean {
  return own || from.full === to.domain || sharesPresence(rosters.state(to, from));
}

function queryOf(scope: IqScope, { from, payload, to }: IqRequest): DiscoQuery {
  const node: unknown = payload.attrs['node'];
  return { scope, entity: to.asBare(), from, node: typeof node === 'string' ? node : '' };
}

/** What an entity says of itself, or of one of its nodes; undefined when there is no such node. */
export function describeEntity(host: Host, query: DiscoQuery): DiscoInfo | undefined {
  if (query.node !== '') return host.hooks.decision('disco/node-info').ask(query);
  const plain: DiscoInfo = { identities: [], features: host.features.list(query.scope), forms: [] };
  return host.hooks.transformation('disco/info').apply(plain, query);
}

function itemsOf(host: Host, query: DiscoQuery): readonly DiscoItem[] | undefined {
  if (query.node !== '') return host.hooks.decision('disco/node-items').ask(query);
  return host.hooks.transformation('disco/items').apply([], query);
}

function identity(scope: IqScope, name: string): Identity {
  return scope === 'host' ? { category: 'server', type: 'im', name } : { category: 'account', type: 'registered' };
}
