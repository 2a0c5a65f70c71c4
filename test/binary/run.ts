import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '#tools/source.ts';

// Both forms of the program, seen from outside: bin/trivium through a checkout, dist/trivium alone in an empty directory and without a
// PATH, so that it cannot find another Node.

const READY = 'Trivium ready';
const LIMIT = 60_000;
/** The ports of the listeners that open without settings. */
const PORTS = [5222, 5223, 5280, 5443, 9090];
/** The standard port for clients (RFC 6120, section 14.7). */
const CLIENT_PORT = 5222;

interface Subject {
  readonly name: string;
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
}

let passed = 0;
let failed = 0;

function expect(what: string, holds: boolean, detail = ''): void {
  if (holds) passed += 1;
  else failed += 1;
  console.log(`${holds ? 'ok    ' : 'FAILED'} ${what}${holds ? '' : `: ${detail}`}`);
}

/** A shift of all ports, to below those that the system gives out, after which all of them are free. */
async function freeOffset(): Promise<number> {
  for (;;) {
    const offset = randomInt(10_000, 23_000);
    if ((await Promise.all(PORTS.map((port) => isFree(port + offset)))).every(Boolean)) return offset;
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    await once(probe.listen(port), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    probe.close();
  }
}

async function start(subject: Subject, folder: string, offset: number): Promise<ChildProcess> {
  const args = ['start', '--data', join(folder, 'data'), '--port-offset', String(offset)];
  const server = spawn(subject.program, args, { cwd: folder, env: subject.env, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  server.stderr.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
  const ready = new Promise<boolean>((resolve) => {
    createInterface({ input: server.stdout }).on('line', (line) => {
      lines.push(`${line}\n`);
      if (line === READY) resolve(true);
    });
    server.once('exit', () => resolve(false));
    setTimeout(() => resolve(false), LIMIT).unref();
  });
  expect(`${subject.name}: start reaches "${READY}"`, await ready, lines.join(''));
  return server;
}

/** What the server says first to a client that opens a stream (RFC 6120, section 4.7). */
async function greeting(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8').setTimeout(5000);
  socket.on('timeout', () => socket.destroy());
  socket.write(
    "<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
  );
  let text = '';
  try {
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.includes('</stream:features>')) break;
    }
  } catch (error) {
    text += String(error);
  }
  socket.destroy();
  return text;
}

async function examine(subject: Subject, folder: string): Promise<void> {
  const { name, program, env } = subject;
  const data = join(folder, 'data');
  const trivium = (...args: readonly string[]): { readonly status: number | null; readonly output: string } => {
    const { status, stdout, stderr, error } = spawnSync(program, args, {
      cwd: folder,
      env,
      encoding: 'utf8',
      timeout: LIMIT,
    });
    return { status, output: error ? error.message : stdout + stderr };
  };
  const command = (...args: readonly string[]): void => {
    const { status, output } = trivium(...args, '--data', data);
    expect(`${name}: ${args.join(' ')}`, status === 0, `exit code ${status}: ${output}`);
  };
  const listed = (when: string): void => {
    const { status, output } = trivium('registered_users', 'localhost', '--data', data);
    expect(
      `${name}: registered_users ${when}`,
      status === 0 && /\bjuliet\b/.test(output),
      `exit code ${status}: ${output}`,
    );
  };

  const version = trivium('--version');
  expect(`${name}: --version`, version.status === 0 && /^\d+\.\d+\.\d+/.test(version.output), version.output);
  const wrong = trivium('no-such-command');
  expect(`${name}: an unknown command is refused`, wrong.status !== 0 && wrong.output !== '', wrong.output);

  const offset = await freeOffset();
  for (const round of ['first', 'second']) {
    const server = await start(subject, folder, offset);
    if (server.exitCode !== null) return;
    if (round === 'first') command('register', 'juliet', 'localhost', 'secret');
    listed(`after the ${round} start`);
    command('check_password', 'juliet', 'localhost', 'secret');
    const text = await greeting(CLIENT_PORT + offset);
    expect(`${name}: a client gets stream features`, text.includes('</stream:features>'), text);
    command('status');
    const exit = once(server, 'exit');
    if (round === 'first') command('stop');
    else server.kill('SIGTERM');
    const [code] = (await exit) as [number | null];
    expect(
      `${name}: ends with 0 on ${round === 'first' ? 'the command stop' : 'SIGTERM'}`,
      code === 0,
      `exit code ${code}`,
    );
  }
  listed('while it is stopped');
}

const subjects: Subject[] = [{ name: 'bin/trivium', program: join(root, 'bin/trivium'), env: process.env }];
const binary = join(root, 'dist/trivium');
expect('dist/trivium is built', existsSync(binary), 'run npm run build');
if (existsSync(binary))
  subjects.push({ name: 'dist/trivium', program: './trivium', env: { PATH: '/nonexistent', HOME: '/nonexistent' } });
for (const subject of subjects) {
  const folder = mkdtempSync(join(tmpdir(), 'trivium-binary-'));
  if (subject.program.startsWith('.')) copyFileSync(binary, join(folder, 'trivium'));
  try {
    await examine(subject, folder);
    const left = readdirSync(folder).filter((entry) => entry !== 'data' && entry !== 'trivium');
    expect(`${subject.name}: leaves nothing beside its data`, left.length === 0, left.join(' '));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
