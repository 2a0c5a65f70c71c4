import { frontEnds } from '#protocols/index.ts';
import { createLog } from '#src/observe/log.ts';
import { logSection } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import { openCore } from '#src/server/core.ts';
import { Server } from '#src/server/server.ts';
import { type CommonOptions, readSettings } from './settings.ts';

/** Exit codes of the program, as ejabberd's control script has them. */
export const EXIT = { ok: 0, error: 1, usage: 2, unreachable: 3 } as const;

/**
 * Starts the server and serves until a signal ends it.
 * @returns the exit code
 */
export async function start(options: CommonOptions): Promise<number> {
  const settings = readSettings(options);
  if (!('of' in settings)) {
    for (const problem of settings) process.stderr.write(`${problem}\n`);
    return EXIT.usage;
  }
  const { file, format, level, scopes } = settings.of(logSection);
  const log = createLog({ level, format, scopes, ...(file === undefined ? {} : { file }) });
  try {
    const current: { settings: Settings } = { settings };
    const core = await openCore(
      () => current.settings,
      (notice) => log.info(notice),
    );
    const server = await Server.start({
      settings,
      core,
      log,
      frontEnds,
      reread: () => {
        const next = readSettings(options);
        if ('of' in next) return (current.settings = next);
        for (const problem of next) log.error(problem);
        return undefined;
      },
    });
    greet(server);
    return await untilStopped(server);
  } catch (error) {
    log.fatal('the server cannot start', { error: error instanceof Error ? error.message : String(error) });
    log.flush();
    return EXIT.error;
  }
}

/** What an operator wants to know first; the last line is for scripts that wait for it. */
function greet(server: Server): void {
  const [host = 'localhost'] = server.settings.hosts;
  const lines = server.listeners.bound.map(({ address, boundPort, kind, name, path, tls }) => {
    const where = path ?? `${address.includes(':') ? `[${address}]` : address}:${boundPort ?? ''}`;
    return `  ${name.padEnd(12)} ${where}  (${kind}${tls === 'off' ? '' : `, TLS ${tls}`})`;
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
    server.stop('').then(
      () => resolve(EXIT.ok),
      (error: unknown) => {
        server.log.fatal('the server did not stop in order', { error: String(error) });
        resolve(EXIT.error);
      },
    );
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  process.on('SIGHUP', () => {
    server.reload().catch((error: unknown) => server.log.error('the reload failed', { error: String(error) }));
  });
  void server.stopping.then(() => end());
  return promise;
}
