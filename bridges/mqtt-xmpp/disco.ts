import { DISCO_INFO, writeInfo } from '#protocols/xmpp/types/disco.ts';
import type { Router } from '#src/router/router.ts';
import type { Stanza } from '#src/stanza/stanza.ts';

/** Answers what a client cannot: who it is (XEP-0030 section 3). @returns false for any other request */
export function answerInfo(router: Router, request: Stanza, name: string): boolean {
  const { payload } = request;
  if (request.type !== 'get' || payload?.is('query', DISCO_INFO) !== true || payload.attrs['node'] !== undefined)
    return false;
  const info = writeInfo({
    identities: [{ category: 'client', type: 'bot', name }],
    features: [DISCO_INFO, 'urn:trivium:mqtt:0', 'urn:xmpp:receipts'],
    forms: [],
  });
  router.route(request.result(`<query xmlns='${DISCO_INFO}'>${info}</query>`));
  return true;
}
