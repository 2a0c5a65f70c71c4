import { lookup, Resolver } from 'node:dns/promises';
import type { SipResolver } from './locate.ts';

/** Milliseconds and attempts for each name server. */
const PATIENCE = { timeout: 2000, tries: 2 };

/** The name servers of the machine; addresses also from its hosts file. */
export function systemResolver(): SipResolver {
  const resolver = new Resolver(PATIENCE);
  return {
    resolveNaptr: (name) => resolver.resolveNaptr(name),
    resolveSrv: (name) => resolver.resolveSrv(name),
    lookup: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
  };
}
