import { resolve } from 'node:path';
import { parseBlock } from '#src/address/ip.ts';
import type { ListenerConfig } from '#src/net/listeners.ts';
import type { ListenerSettings } from '#src/settings/listeners.ts';
import { dataSection } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';

/** The listeners of the settings, each with a name. */
export function listenersOf(settings: Settings): readonly (ListenerSettings & { readonly name: string })[] {
  const listeners = settings.named('listeners') as readonly ListenerSettings[];
  return listeners.map((listener) => {
    const { kind, path = '', port = path } = listener;
    return Object.assign({}, listener, { name: listener.name ?? `${kind}-${port}` });
  });
}

/** What the listeners part needs of the section of that name. */
export function listenerConfigs(settings: Settings): readonly ListenerConfig[] {
  const { directory } = settings.of(dataSection);
  return listenersOf(settings).map((listener) => {
    const { access, address, backlog, kind, mode, name, path, port, proxies, tls, transport } = listener;
    return {
      name,
      kind,
      tls,
      access,
      address,
      port,
      transport,
      path: path === undefined ? undefined : resolve(directory, path),
      mode,
      proxyProtocol: listener.proxy_protocol,
      proxies: proxies?.flatMap((network) => parseBlock(network) ?? []),
      backlog,
    };
  });
}

/** By listener name: URL path to the name of the handler that answers there. */
export function httpPaths(settings: Settings): ReadonlyMap<string, ReadonlyMap<string, string>> {
  return new Map(listenersOf(settings).map(({ handlers, name }) => [name, new Map(Object.entries(handlers))]));
}
