import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { ADDRESS, DOMAIN, type Server } from '../server.ts';

/** A port of this machine whose connections go on over TLS to the server's: for clients that cannot do it themselves. */
export async function tlsTunnel(server: Server): Promise<AsyncDisposable & { readonly port: number }> {
  const ca = readFileSync(server.certificate);
  const sockets = new Set<Socket>();
  const listener = createServer((plain) => {
    const secure = connect({ host: ADDRESS, port: server.ports.sips, servername: DOMAIN, ca, ALPNProtocols: ['sip'] });
    for (const [from, to] of [
      [plain, secure],
      [secure, plain],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
      from.pipe(to);
    }
  });
  listener.listen(0, ADDRESS);
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(listener, 'close');
      listener.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
