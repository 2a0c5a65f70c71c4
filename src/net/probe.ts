import { createSocket } from 'node:dgram';
import type { Acceptor } from './arrival.ts';
import { type ListenerConfig, Listeners } from './listeners.ts';

/** Takes a connection that comes while the port is tried, and lets go of it. */
const NOBODY: Acceptor = { alpn: [], accept: (connection) => connection.destroy() };

/** Opens TCP listeners for a moment. @returns why some cannot be opened, in words that name them */
export async function probeListeners(configs: readonly ListenerConfig[]): Promise<readonly string[]> {
  const limits = { total: 1, perIp: 1 };
  const listeners = new Listeners({ tls: undefined, limits, refuses: () => true, fault: () => undefined });
  for (const kind of new Set(configs.map((config) => config.kind))) listeners.serve(kind, NOBODY);
  try {
    await listeners.apply(configs);
    return [];
  } catch (error) {
    const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
    return errors.map((one) => (one instanceof Error ? one.message : String(one)));
  } finally {
    listeners.stop();
  }
}

/** Binds a UDP port for a moment. @returns the system's words when it cannot be bound */
export async function probeUdp(address: string, port: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.once('error', (error) => resolve(error.message));
  socket.bind(port, address, () => resolve(undefined));
  const problem = await promise;
  socket.close();
  return problem;
}
