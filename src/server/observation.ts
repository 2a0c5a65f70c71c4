import type { HttpResponse } from '#src/net/http.ts';
import type { HealthReport } from '#src/observe/health.ts';
import type { Server } from './server.ts';

/** Metrics and health over HTTP, under the names that listeners give paths to. */
export function serveObservation({ core, health, http, listeners, metrics }: Server): void {
  listeners.serve('http', http);
  http.handle('metrics', async () => ({ status: 200, type: metrics.contentType, body: await metrics.render() }));
  http.handle('health', async () => report(await health.health()));
  http.handle('ready', async () => report(await health.ready()));
  health.add('store', () => core.store.fault?.message);
}

function report(result: HealthReport): HttpResponse {
  return { status: result.ok ? 200 : 503, type: 'application/json', body: `${JSON.stringify(result)}\n` };
}
