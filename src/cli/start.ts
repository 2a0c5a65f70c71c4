import { plugins } from '#src/server/program.ts';
import { createLog } from '#src/observe/log.ts';
import { openCore } from '#src/server/core.ts';
import { Server } from '#src/server/server.ts';
import { logSection, shutdownSection } from '#src/settings/schema.ts';
import { EXIT } from './exit.ts';
import { complain } from './output.ts';
import { type CommonOptions, readSettings } from './settings.ts';

/**
 * Starts the server and serves until a signal or a command ends it.
 * @returns the exit code
 */
export async function start(options: CommonOptions): Promise<number> {
  const settings = readSettings(options);
  if (!('of' in settings)) {
    for (const problem of settings) complain(problem);
    return EXIT.usage;
  }
  const { file, format, level, scopes } = settings.of(logSection);
  const log = createLog({ level, format, scopes, ...(file === undefined ? {} : { file }) });
  try {
    const inForce: { server?: Server } = {};
    const core = await openCore(
      () => inForce.server?.settings ?? settings,
      (notice) => log.info(notice),
    );
    const server = await Server.start({ settings, core, log, frontEnds: plugins, reread: () => readSettings(options) });
    inForce.server = server;
    greet(server);
    return await untilStopped(server);
  } catch (error) {
    const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
    for (const one of errors) {
      const text = one instanceof Error ? one.message : String(one);
      complain(`Trivium cannot start: ${text}`);
      if (file !== undefined) log.fatal('the server cannot start', { error: text });
    }
    log.flush();
    return EXIT.error;
  }
}

/** What an operator wants to know first; the last line is for scripts that wait for it. */
function greet(server: Server): void {
  const [host = 'localhost'] = server.settings.hosts;
  const lines = server.listeners.bound.map(({ address, boundPort, kind, name, path, tls, transport }) => {
    const where = path ?? `${address.includes(':') ? `[${address}]` : address}:${boundPort ?? ''}`;
    return `  ${name.padEnd(12)} ${where}  (${kind}${transport === 'udp' ? ', UDP' : ''}${tls === 'off' ? '' : `, TLS ${tls}`})`;
  });
  const text = [
    `Trivium serves ${server.settings.hosts.join(', ')} from ${server.core.directory}`,
    ...lines,
    `Add a user with: bin/trivium register juliet ${host} secret --data ${server.core.directory}`,
    'Trivium ready',
  ];
  process.stdout.write(`${text.join('\n')}\n`);
}

async function untilStopped(server: Server): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const end = (): void => {
    server.stop(server.settings.of(shutdownSection).text).then(
      () => resolve(EXIT.ok),
      (error: unknown) => {
        server.log.fatal('the server did not stop in order', { error: String(error) });
        resolve(EXIT.error);
      },
    );
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  process.on('SIGHUP', () => void server.reload());
  void server.stopping.then(end);
  return promise;
}
