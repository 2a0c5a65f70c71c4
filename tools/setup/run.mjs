// Set-up: installs what package-lock.json names and is missing, then checks the pinned Node. Prints nothing when all is there.
// Plain JavaScript: this is the one program that an older Node (20 or later) has to run.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const modules = join(root, 'node_modules');
const pinned = join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

/** The packages of a lock file as `path -> entry`, or undefined when there is none. */
function packagesOf(file) {
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(file, 'utf8')).packages));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`${file}: ${error.message}`, { cause: error });
  }
}

/**
 * Whether node_modules holds what package-lock.json asks for. npm keeps what it installed in node_modules/.package-lock.json;
 * optional packages are those of other platforms.
 */
function isInstalled(wanted) {
  const found = packagesOf(join(modules, '.package-lock.json'));
  if (found === undefined) return false;
  for (const [path, entry] of wanted) {
    if (path === '' || entry.optional === true) continue;
    if (found.get(path)?.version !== entry.version || !existsSync(join(root, path, 'package.json'))) return false;
  }
  return true;
}

/** @returns whether npm ended with 0; what it printed is shown (shortened) only when it did not */
function npm(args, cwd) {
  const flags = ['--no-audit', '--no-fund', '--loglevel=error'];
  const result = spawnSync('npm', [...args, ...flags], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (result.status === 0) return true;
  const text = result.error?.message ?? `${result.stdout}${result.stderr}`;
  process.stderr.write(`npm ${args[0]} failed:\n${text.trim().split('\n').slice(0, 30).join('\n')}\n`);
  return false;
}

function hasPinnedNode(version) {
  const isFile = statSync(pinned, { throwIfNoEntry: false })?.isFile() ?? false;
  return isFile && spawnSync(pinned, ['--version'], { encoding: 'utf8' }).stdout?.trim() === `v${version}`;
}

/** The package `node` fetches its binary in an install script, which some npm settings forbid: then fetch the binary's own package. */
function fetchPinnedNode(version) {
  const name = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  const target = `${name}-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const scratch = mkdtempSync(join(tmpdir(), 'trivium-node-'));
  try {
    const flags = ['--no-save', '--no-package-lock', '--ignore-scripts', '--prefix', scratch];
    if (!npm(['install', ...flags, `${target}@${version}`], scratch)) return;
    mkdirSync(dirname(pinned), { recursive: true });
    rmSync(pinned, { force: true });
    copyFileSync(join(scratch, 'node_modules', target, 'bin', 'node'), pinned);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function fail(text) {
  process.stderr.write(`set-up: ${text}\n`);
  process.exit(1);
}

const wanted = packagesOf(join(root, 'package-lock.json')) ?? fail('package-lock.json is missing');
const version = wanted.get('node_modules/node').version;
const installed = isInstalled(wanted);
if (!installed) {
  process.stderr.write('Installing the packages that Trivium needs (once; a minute or two) ...\n');
  // npm ci refuses a lock file that lacks packages of other platforms; npm install does not, and installs the same versions.
  const done = npm(['ci', '--include=dev'], root) || npm(['install', '--no-save', '--include=dev'], root);
  if (!done) fail('the packages could not be installed');
}
if (!existsSync(pinned) || (!installed && !hasPinnedNode(version))) {
  fetchPinnedNode(version);
  if (!hasPinnedNode(version)) fail(`Node ${version} could not be installed for ${process.platform} ${process.arch}`);
}
