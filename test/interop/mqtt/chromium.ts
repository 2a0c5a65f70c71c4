import { spawn, spawnSync } from 'node:child_process';
import { createServer, type IncomingMessage, type Server as HttpServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { build } from 'esbuild';
import type { Checks } from '../checks.ts';
import { ADDRESS, type Server } from '../server.ts';
import { account, DIFFICULT, type Scene, type Transcript } from '../transcript.ts';
import type { PageScene, Told } from './page.ts';

/** A page with MQTT.js in a headless Chromium: WebSocket as a browser speaks it, plain and over TLS. */
export const chromium: Transcript = {
  name: 'chromium',
  protocol: 'mqtt',
  missing: () =>
    spawnSync('chromium', ['--version']).status === 0 ? undefined : 'chromium is missing: apt-get install chromium',
  play,
};

/** The whole play may take so long, in milliseconds. */
const LIMIT_MS = 120_000;

const PAGE =
  '<!doctype html><meta charset="utf-8"><title>MQTT</title><link rel="icon" href="data:,"><script src="/page.js"></script>';

async function bundle(): Promise<Uint8Array> {
  const entryPoints = [join(import.meta.dirname, 'page.ts')];
  const { outputFiles } = await build({
    entryPoints,
    bundle: true,
    platform: 'browser',
    format: 'iife',
    write: false,
    logLevel: 'silent',
    // The package that MQTT.js brings along for browsers.
    alias: { 'node:buffer': 'buffer' },
  });
  const [script] = outputFiles;
  if (script === undefined) throw new Error('esbuild wrote nothing');
  return script.contents;
}

function scenesOf({ ports }: Server, user: string, password: string): readonly PageScene[] {
  const ways = [
    ['3.1.1 over WebSocket', `ws://${ADDRESS}:${ports.ws}/mqtt`, 4],
    ['5 over WebSocket', `ws://${ADDRESS}:${ports.ws}/mqtt`, 5],
    ['5 over WebSocket and TLS', `wss://${ADDRESS}:${ports.wss}/mqtt`, 5],
  ] as const;
  return ways.map(([way, url, version], n) => ({
    way,
    talk: { url, options: {}, version, user, password, name: `page${n}`, difficult: DIFFICULT },
  }));
}

/** Serves the page, and tells the checks what the page tells; `ended` settles when it says that it has ended. */
async function serve(
  script: Uint8Array,
  scenes: readonly PageScene[],
  checks: Checks,
): Promise<{ server: HttpServer; ended: Promise<void> }> {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const hear = async (request: IncomingMessage): Promise<void> => {
    const told = JSON.parse(await text(request)) as Told;
    if (told.ended !== true || told.problem !== undefined)
      checks.tell(told.what, told.problem === undefined, told.problem);
    if (told.ended === true) resolve();
  };
  const server = createServer((request, response) => {
    if (request.method === 'POST') return void hear(request).finally(() => response.end());
    if (request.url === '/page.js') return response.setHeader('content-type', 'text/javascript').end(script);
    if (request.url === '/scenes')
      return response.setHeader('content-type', 'application/json').end(JSON.stringify(scenes));
    return response.setHeader('content-type', 'text/html').end(PAGE);
  });
  server.listen(0, ADDRESS);
  await once(server, 'listening');
  return { server, ended };
}

async function play({ server, checks, directory }: Scene): Promise<void> {
  const { user, password } = account('chromium', 'juliet');
  await server.register(user, password);
  const site = await serve(await bundle(), scenesOf(server, user, password), checks);
  const { port } = site.server.address() as AddressInfo;
  // The server's certificate is its own; a browser has no option to trust one more.
  const flags = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--no-first-run',
    '--ignore-certificate-errors',
  ];
  const url = `http://${ADDRESS}:${port}/`;
  const browser = spawn('chromium', [...flags, `--user-data-dir=${directory}`, url], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let said = '';
  browser.stderr.setEncoding('utf8').on('data', (words: string) => {
    said = (said + words).slice(-2000);
  });
  const gone = once(browser, 'exit');
  const timer = setTimeout(() => browser.kill(), LIMIT_MS);
  const outcome = await Promise.race([site.ended.then(() => 'ended'), gone.then(() => 'gone')]);
  clearTimeout(timer);
  if (outcome === 'gone') checks.tell('ends', false, said);
  // Its children are in its process group.
  if (browser.pid !== undefined && browser.exitCode === null) process.kill(-browser.pid, 'SIGKILL');
  await gone;
  site.server.closeAllConnections();
  site.server.close();
}
