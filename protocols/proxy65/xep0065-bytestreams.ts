/** XEP-0065: SOCKS5 Bytestreams, version 1.8.2, Stable: the proxy (StreamHost) of a host, at a domain of its own. */
import { Jid } from '#src/address/jid.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import { Host } from '#src/router/host.ts';
import type { IqAnswer, IqRequest } from '#src/router/iq.ts';
import { refuse } from '#src/stanza/conditions.ts';
import { escapeAttribute } from '#src/stanza/serialise.ts';
import { answerDisco, DISCO_INFO, DISCO_ITEMS, writeInfo } from '#protocols/xmpp/types/disco.ts';
import { type ModuleOptions, moduleSettings } from './settings.ts';
import type { ProxyServer } from './server.ts';
import './services.ts';

export const BYTESTREAMS = 'http://jabber.org/protocol/bytestreams';
/** Characters of a stream identifier; the document sets no bound. */
const SID_LENGTH = 1024;

export const bytestreams = defineModule({
  name: 'proxy65',
  description: 'A proxy for files between clients that cannot reach each other.',
  specs: [
    {
      document: 'XEP-0065',
      version: '1.8.2',
      title: 'SOCKS5 Bytestreams',
      status: 'complete',
      note: 'the proxy; without the optional UDP mode',
    },
    {
      document: 'RFC 1928',
      version: '3–6',
      title: 'SOCKS Protocol Version 5',
      status: 'partial',
      note: 'CONNECT to the hash of a bytestream',
    },
    { document: 'RFC 1929', version: '2', title: 'Username/Password Authentication for SOCKS V5', status: 'complete' },
  ],
  settings: moduleSettings,
  needs: ['proxy65', 'router', 'registry'],
  start(scope, { proxy65, registry, router }, options) {
    const { domain } = scope.host;
    const jid = Jid.make('', `${options.subdomain}.${domain}`);
    if (jid === undefined) throw new Error(`${options.subdomain}.${domain} is no domain name`);
    const { name } = options;
    // It answers requests as a host does, has no accounts, and is none of the hosts.
    const proxy = new Host(jid, router, registry, { exists: () => false });
    scope.attach(jid, proxy);
    scope.transform('disco/items', 'main', (items, { scope: kind }) =>
      kind === 'host' ? [...items, { jid: jid.full, name }] : items,
    );
    const identities = [{ category: 'proxy', type: 'bytestreams', name }];
    const features = [DISCO_INFO, DISCO_ITEMS, BYTESTREAMS];
    scope.own(
      proxy.iq.add(
        'host',
        'get',
        DISCO_INFO,
        'query',
        withoutNode(DISCO_INFO, writeInfo({ identities, features, forms: [] })),
      ),
    );
    scope.own(proxy.iq.add('host', 'get', DISCO_ITEMS, 'query', withoutNode(DISCO_ITEMS, '')));
    scope.own(
      proxy.iq.add('host', 'get', BYTESTREAMS, 'query', (request) => streamHosts(proxy65, domain, options, request)),
    );
    scope.own(
      proxy.iq.add('host', 'set', BYTESTREAMS, 'query', (request) => activate(proxy65, domain, options, request)),
    );
  },
});

/** The proxy has no nodes. */
function withoutNode(xmlns: string, inner: string): (request: IqRequest) => IqAnswer {
  return (request) =>
    request.payload.attrs['node'] === undefined ? answerDisco(request, xmlns, inner) : refuse('item-not-found');
}

/** Section 4: who may use the proxy is told its address. */
function streamHosts(
  server: ProxyServer,
  host: string,
  options: ModuleOptions,
  { from, stanza, to }: IqRequest,
): IqAnswer {
  if (server.allowance(host, from, options) === undefined) return refuse('forbidden');
  const places = server.places(host, options);
  if (places.length === 0) return refuse('service-unavailable', 'the proxy takes no connections');
  const jid = escapeAttribute(to.full);
  const inner = places.map(
    (place) => `<streamhost jid='${jid}' host='${escapeAttribute(place.host)}' port='${place.port}'/>`,
  );
  return stanza.result(`<query xmlns='${BYTESTREAMS}'>${inner.join('')}</query>`);
}

/** Section 6.3.5. */
function activate(
  server: ProxyServer,
  host: string,
  options: ModuleOptions,
  { from, payload, stanza, to }: IqRequest,
): IqAnswer {
  const allowance = server.allowance(host, from, options);
  if (allowance === undefined) return refuse('forbidden');
  const sid: unknown = payload.attrs['sid'];
  const target = payload.getChild('activate', BYTESTREAMS)?.getText().trim();
  if (typeof sid !== 'string' || sid === '' || target === undefined) return refuse('bad-request');
  if (sid.length > SID_LENGTH) return refuse('not-acceptable', 'the stream identifier is too long');
  if (Jid.parse(target) === undefined) return refuse('jid-malformed');
  return server.streams.activate({ sid, initiator: from, target, proxy: to.full }, allowance) ?? stanza.result();
}
