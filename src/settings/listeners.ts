/** The sockets the program listens on. Front ends bring their kinds of listener as data, with the listeners they want by default. */
import { z } from 'zod';
import { declare } from './declaration.ts';
import { accessName, address, count, fileMode, group, listenPort, many, network, path } from './types.ts';

/** A kind of listener, declared by the part that serves its connections. */
export interface ListenerKind {
  readonly kind: string;
  readonly description: string;
  /** Open when the settings list no listeners at all. */
  readonly defaults: readonly ListenerInput[];
}

export interface ListenerInput {
  readonly kind: string;
  readonly name?: string;
  readonly address?: string;
  readonly port?: number;
  readonly path?: string;
  readonly mode?: string;
  readonly transport?: 'tcp' | 'udp';
  readonly tls?: 'off' | 'optional' | 'required' | 'direct';
  readonly handlers?: Readonly<Record<string, string>>;
}

/** Kinds served by the core. */
export const coreKinds: readonly ListenerKind[] = [
  {
    kind: 'admin',
    description: 'operator commands over a local socket',
    defaults: [{ name: 'admin', kind: 'admin', path: 'admin.sock', mode: '0600', tls: 'off' }],
  },
  {
    kind: 'http',
    description: 'HTTP handlers',
    defaults: [
      {
        name: 'metrics',
        kind: 'http',
        address: '127.0.0.1',
        port: 9090,
        tls: 'off',
        handlers: { '/metrics': 'metrics', '/health': 'health', '/ready': 'ready' },
      },
    ],
  },
];

function listenerSchema(kinds: readonly ListenerKind[]) {
  const told = kinds.map(({ kind, description }) => `${kind} (${description})`).join(', ');
  return z
    .strictObject({
      name: z
        .string()
        .min(1)
        .max(64)
        .optional()
        .describe('Name in logs and metrics; made from kind and port when absent.'),
      kind: z.enum(kinds.map(({ kind }) => kind) as [string, ...string[]]).describe(`What is served: ${told}.`),
      address: address()
        .prefault('::')
        .describe('IP address to listen on; "::" takes IPv4 too, "127.0.0.1" only this machine.'),
      port: listenPort().optional().describe('Port, moved by --port-offset; 0 lets the system choose.'),
      path: path()
        .optional()
        .describe('Path of a unix socket instead of a port; a relative path starts at data.directory.'),
      mode: fileMode().prefault('0660').describe('Permissions of the unix socket, octal digits in quotes.'),
      transport: z.enum(['tcp', 'udp']).prefault('tcp').describe('Transport protocol.'),
      tls: z
        .enum(['off', 'optional', 'required', 'direct'])
        .prefault('required')
        .describe(
          'off; optional or required: the client asks for TLS on the open connection; direct: TLS from the first byte.',
        ),
      proxy_protocol: z
        .boolean()
        .prefault(false)
        .describe('Expect a PROXY protocol header (v1 or v2) from a load balancer before anything else.'),
      proxies: many(network())
        .optional()
        .describe('Load balancers whose PROXY headers are believed; others are refused. Everybody when absent.'),
      backlog: count(1, 65535).prefault(511).describe('Connections the system may hold before they are accepted.'),
      access: accessName('access')
        .optional()
        .describe('Rule that connections, and for udp datagrams, must pass by their IP address.'),
      shaper: accessName('access')
        .optional()
        .describe('Rule that gives the shaper for the bytes received; the kind chooses when absent.'),
      handlers: z
        .record(
          z
            .string()
            .regex(/^\/[\w./-]{0,255}$/)
            .meta({ expects: 'a URL path such as /metrics' }),
          z.string().min(1).max(64),
        )
        .prefault({})
        .describe('For kind http: URL path and the name of what answers there.'),
    })
    .superRefine((listener, context) => {
      const { kind, port, path: socket, transport, tls } = listener;
      const refuse = (option: string, message: string): void =>
        context.addIssue({ code: 'custom', message, path: [option] });
      if (port === undefined && socket === undefined) refuse('port', 'needs a port or the path of a unix socket');
      if (port !== undefined && socket !== undefined) refuse('path', 'takes the place of port: give only one of them');
      // Whoever reaches it is the operator: the permissions of a file decide who that is.
      if (kind === 'admin' && port !== undefined) refuse('port', 'admin listens on a unix socket only: give a path');
      if (kind === 'admin' && tls === 'direct') refuse('tls', 'admin listens on a unix socket, without TLS');
      if (socket !== undefined && transport === 'udp') refuse('transport', 'a unix socket is not udp');
      if (transport === 'udp' && (tls === 'optional' || tls === 'required'))
        refuse('tls', 'udp knows off and direct only');
    });
}

/** Kinds that name the same listener share it: each brings its handlers. */
function joined(defaults: readonly ListenerInput[]): ListenerInput[] {
  const byName = new Map<string, ListenerInput>();
  for (const [index, listener] of defaults.entries()) {
    const name = listener.name ?? String(index);
    const other = byName.get(name);
    const handlers = { ...other?.handlers, ...listener.handlers };
    byName.set(name, Object.keys(handlers).length === 0 ? listener : { ...other, ...listener, handlers });
  }
  return [...byName.values()];
}

/** The section `listeners`. */
export function listenersSection(kinds: readonly ListenerKind[]) {
  const defaults = joined(kinds.flatMap((kind) => kind.defaults));
  const list = z.array(listenerSchema(kinds)).max(256).prefault(defaults);
  return declare(
    'listeners',
    list.describe('The sockets to listen on. A list replaces the whole default list.'),
    false,
  );
}

export type ListenerSettings = z.output<ReturnType<typeof listenerSchema>>;

/** How many connections and how much of them the server takes before it knows who is there. */
export const connectionLimits = group({
  total: count(1, 10_000_000).prefault(100_000).describe('Open connections over all listeners.'),
  per_ip: count(1, 1_000_000)
    .prefault(1000)
    .describe('Open connections from one IP address; an IPv6 network /64 counts as one address.'),
  per_ip_before_auth: count(1, 100_000)
    .prefault(100)
    .describe('Of those, connections that have not authenticated yet.'),
});
