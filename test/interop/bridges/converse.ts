import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { missingBrowser } from '../browser.ts';
import { LIMIT } from '../checks.ts';
import { ADDRESS, DOMAIN } from '../server.ts';
import { type Account, account, type Scene, type Transcript } from '../transcript.ts';
import { mosquittoPub, MosquittoSub } from './clients.ts';

// Converse.js is large, and its licence is not ours: whoever wants this transcript unpacks `npm pack converse.js` and names the folder.
const CONVERSE = process.env['CONVERSE_JS'] ?? '';
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};
const TOPIC = String.raw`kitchen\2ftemp@mqtt.${DOMAIN}`;

/** Converse.js in a headless Chromium, unmodified: a topic is added to the roster, read and written. Leaves a picture of it. */
export const converse: Transcript = {
  name: 'converse',
  protocol: 'mqtt',
  missing: () =>
    existsSync(join(CONVERSE, 'dist/converse.min.js'))
      ? missingBrowser()
      : 'converse.js is missing: unpack "npm pack converse.js" and set CONVERSE_JS to its folder',
  play,
};

const pageOf = (
  url: string,
  { jid, password }: Account,
): string => `<!doctype html><meta charset="utf-8"><script>window.problems = [];
addEventListener('error', (event) => problems.push(String(event.message)), true);
addEventListener('unhandledrejection', (event) => problems.push(String(event.reason)));</script>
<link rel="stylesheet" href="/dist/converse.min.css"><script type="module" src="/dist/converse.min.js"></script><body><script type="module">
converse.plugins.add('handle', { initialize() { window.handle = this._converse; } });
converse.initialize({ websocket_url: ${JSON.stringify(url)}, jid: ${JSON.stringify(jid)}, password: ${JSON.stringify(password)},
  authentication: 'login', auto_login: true, view_mode: 'fullscreen', whitelisted_plugins: ['handle'], assets_path: '/dist/',
  discover_connection_methods: false, i18n: 'en', play_sounds: false, show_background: true });
</script>`;

async function play({ checks, directory, server }: Scene): Promise<void> {
  const juliet = account('converse', 'juliet');
  const sensor = { ...account('converse', 'sensor'), password: 'secret' };
  for (const { password, user } of [juliet, sensor]) await server.register(user, password);
  const pub = (payload: string): Promise<string> =>
    mosquittoPub(server, sensor, 'sensor', 'kitchen/temp', payload, ['-r']);
  await pub('20.5');
  const site = createServer((request, response) => {
    const path = normalize(request.url ?? '/').split('?')[0] ?? '';
    if (path === '/')
      return response
        .setHeader('content-type', 'text/html')
        .end(pageOf(`ws://${ADDRESS}:${server.ports.ws}/ws`, juliet));
    const file = join(CONVERSE, path);
    if (!existsSync(file)) return response.writeHead(404).end();
    return response
      .setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream')
      .end(readFileSync(file));
  });
  site.listen(0, ADDRESS);
  await once(site, 'listening');
  const browser = await Browser.open(directory, `http://${ADDRESS}:${(site.address() as AddressInfo).port}/`);
  try {
    await checks.need('logs in over WebSocket', () => browser.until('window.handle?.api.connection.connected()'));
    await checks.need('has its roster', () =>
      browser.until('handle.api.waitUntil("rosterContactsFetched").then(() => true)'),
    );
    await checks.need('adds the topic as a contact; the server approves', async () => {
      await browser.run(`handle.api.contacts.add({ jid: ${JSON.stringify(TOPIC)}, name: 'Kitchen' })`);
      await browser.until(
        `handle.api.contacts.get(${JSON.stringify(TOPIC)}).then((c) => c?.get('subscription') === 'to')`,
      );
    });
    await checks.step('its status is the retained value', () =>
      browser.until(
        `handle.api.contacts.get(${JSON.stringify(TOPIC)}).then((c) => (c.presence?.getStatus?.() ?? c.get('status') ?? '') + JSON.stringify(c.presence?.resources?.toJSON?.() ?? ''))` +
          `.then((text) => text.includes('online') || text.includes('20.5'))`,
      ),
    );
    await browser.run(`handle.api.chats.open(${JSON.stringify(TOPIC)}, {}, true)`);
    await checks.step('a value comes as a message and is seen', async () => {
      await pub('21.5');
      await browser.until(`document.body.innerText.includes('21.5')`);
    });
    await checks.step('what is typed is published', async () => {
      const lamp = await MosquittoSub.listen(server, sensor, 'lamp', ['kitchen/temp'], ['-R']);
      await browser.run(
        `handle.api.chats.get(${JSON.stringify(TOPIC)}).then((chat) => chat.sendMessage({ body: '25' }))`,
      );
      await lamp.hear('kitchen/temp', '25');
      await lamp.stop();
    });
    await delay(500);
    const picture = process.env['CONVERSE_PICTURE'] ?? join(directory, 'converse.png');
    await checks.step(`a picture of it: ${picture}`, async () => writeFileSync(picture, await browser.picture()));
  } finally {
    await browser.close();
    site.closeAllConnections();
    site.close();
  }
}

/** A headless Chromium, led by its DevTools protocol. */
class Browser {
  readonly #child: ReturnType<typeof spawn>;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, PromiseWithResolvers<Readonly<Record<string, unknown>>>>();
  #serial = 0;

  static async open(directory: string, url: string): Promise<Browser> {
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
    const all = [
      ...flags,
      '--window-size=1200,800',
      '--remote-debugging-port=0',
      `--user-data-dir=${join(directory, 'profile')}`,
      url,
    ];
    const child = spawn('chromium', all, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    const lines = createInterface({ input: child.stderr });
    let origin = '';
    for await (const line of lines) {
      const [, found] = /^DevTools listening on ws:\/\/([^/]+)\//.exec(line) ?? [];
      if (found === undefined) continue;
      origin = found;
      break;
    }
    child.stderr.resume();
    for (;;) {
      const targets = (await (await fetch(`http://${origin}/json`)).json()) as readonly {
        readonly type: string;
        readonly webSocketDebuggerUrl: string;
      }[];
      const page = targets.find(({ type }) => type === 'page');
      if (page !== undefined) {
        const socket = new WebSocket(page.webSocketDebuggerUrl);
        await once(socket, 'open');
        return new Browser(child, socket);
      }
      await delay(50);
    }
  }

  private constructor(child: ReturnType<typeof spawn>, socket: WebSocket) {
    this.#child = child;
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const { id, result } = JSON.parse(data.toString()) as {
        readonly id?: number;
        readonly result?: Readonly<Record<string, unknown>>;
      };
      if (id !== undefined) this.#answers.get(id)?.resolve(result ?? {});
    });
  }

  async #ask(method: string, params: object): Promise<Readonly<Record<string, unknown>>> {
    this.#serial += 1;
    const answer = Promise.withResolvers<Readonly<Record<string, unknown>>>();
    this.#answers.set(this.#serial, answer);
    this.#socket.send(JSON.stringify({ id: this.#serial, method, params }));
    return await answer.promise;
  }

  /** The value of an expression, awaited. */
  async run(expression: string): Promise<unknown> {
    const answer = await this.#ask('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    const { value } = (answer['result'] ?? {}) as { readonly value?: unknown };
    return value;
  }

  async until(expression: string): Promise<void> {
    const late = Date.now() + LIMIT * 2;
    while ((await this.run(expression)) !== true) {
      assert.ok(
        Date.now() < late,
        `${expression} did not become true; the page shows: ${String(await this.run('JSON.stringify(window.problems) + document.body.innerText')).slice(0, 1500)}`,
      );
      await delay(100);
    }
  }

  async picture(): Promise<Buffer> {
    const { data } = await this.#ask('Page.captureScreenshot', { format: 'png' });
    return Buffer.from(String(data), 'base64');
  }

  async close(): Promise<void> {
    this.#socket.close();
    const gone = once(this.#child, 'exit');
    if (this.#child.pid !== undefined && this.#child.exitCode === null) process.kill(-this.#child.pid, 'SIGKILL');
    await gone;
  }
}
