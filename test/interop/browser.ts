import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { build } from 'esbuild';
import type { Checks } from './checks.ts';
import { ADDRESS } from './server.ts';

/** What a page tells: a step and its problem, or that it has ended. */
export interface Told {
  readonly what: string;
  readonly problem?: string;
  readonly ended?: boolean;
}

export interface PagePlay {
  readonly checks: Checks;
  /** Empty: the browser's profile. */
  readonly directory: string;
  /** The script of the page, TypeScript: it gets `/data` and posts what it has to tell to `/told`. */
  readonly script: string;
  /** What the page is told, as JSON. */
  readonly data: unknown;
  /** Modules of Node and what takes their place in a browser. */
  readonly alias?: Readonly<Record<string, string>>;
  /** Flags of Chromium beyond the usual ones. */
  readonly flags?: readonly string[];
}

/** The whole play may take so long, in milliseconds. */
const LIMIT_MS = 120_000;
const PAGE =
  '<!doctype html><meta charset="utf-8"><title>page</title><link rel="icon" href="data:,"><script src="/page.js"></script>';

const USUAL_FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--no-first-run',
  // The server's certificate is its own; a browser has no option to trust one more.
  '--ignore-certificate-errors',
] as const;

/** What is missing on this machine to run a browser, in words. */
export function missingBrowser(): string | undefined {
  return spawnSync('chromium', ['--version']).status === 0
    ? undefined
    : 'chromium is missing: apt-get install chromium';
}

/** Opens a page in a headless Chromium and counts what it tells, until it says that it has ended. */
export async function playInBrowser({
  alias = {},
  checks,
  data,
  directory,
  flags = [],
  script,
}: PagePlay): Promise<void> {
  const site = await serve(await bundle(script, alias), data, checks);
  const { port } = site.server.address() as AddressInfo;
  const url = `http://${ADDRESS}:${port}/`;
  const browser = spawn('chromium', [...USUAL_FLAGS, ...flags, `--user-data-dir=${directory}`, url], {
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

async function bundle(script: string, alias: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [script],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    write: false,
    logLevel: 'silent',
    alias: { ...alias },
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild wrote nothing');
  return file.contents;
}

/** Serves the page, and tells the checks what the page tells; `ended` settles when it says that it has ended. */
async function serve(
  script: Uint8Array,
  data: unknown,
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
    if (request.url === '/data')
      return response.setHeader('content-type', 'application/json').end(JSON.stringify(data));
    return response.setHeader('content-type', 'text/html').end(PAGE);
  });
  server.listen(0, ADDRESS);
  await once(server, 'listening');
  return { server, ended };
}
