import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { root } from './source.ts';

// One executable (Node's single executable application): the pinned Node, stripped, with the program bundled to one script and LevelDB's
// native part as an asset. The script has to be CommonJS in Node 24, so the program has no top-level await.

const require = createRequire(import.meta.url);
const nodeGypBuild = require('node-gyp-build') as { path(folder: string): string };

/** The mark in every Node binary that postject flips (Node's documentation, Single executable applications). */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** classic-level looks for its native part in its own folder; in the binary it is an asset. */
const addonFromAsset: Plugin = {
  name: 'addon-from-asset',
  setup(bundler) {
    bundler.onResolve({ filter: /^\.\/binding(?:\.js)?$/ }, ({ resolveDir }) =>
      basename(resolveDir) === 'classic-level' ? { path: join(root, 'tools/binary/addon.cjs') } : undefined,
    );
  },
};

/**
 * The program as one CommonJS script. `import.meta.url` becomes the executable's own.
 * @returns the files that went into it
 */
async function bundle(entry: string, outfile: string): Promise<readonly string[]> {
  const { metafile } = await build({
    metafile: true,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    keepNames: true,
    legalComments: 'none',
    logLevel: 'warning',
    absWorkingDir: root,
    banner: { js: "const binaryUrl = require('node:url').pathToFileURL(process.execPath).href;" },
    define: {
      'import.meta.url': 'binaryUrl',
      'import.meta.filename': 'process.execPath',
      'import.meta.dirname': "''",
      'import.meta.main': 'true',
    },
    plugins: [addonFromAsset],
  });
  return Object.keys(metafile.inputs);
}

/** Runs a program under this Node; what it prints is shown only when it fails. */
function run(...command: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command.join(' ')} failed:\n${stdout}${stderr}`);
}

/** The blob that Node finds in itself at start. */
function makeBlob(scratch: string, script: string): string {
  const output = join(scratch, 'trivium.blob');
  const config = {
    main: script,
    output,
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    assets: { 'level.node': nodeGypBuild.path(dirname(require.resolve('classic-level'))) },
  };
  writeFileSync(join(scratch, 'sea.json'), JSON.stringify(config));
  run('--experimental-sea-config', join(scratch, 'sea.json'));
  return output;
}

/** The licence texts of the packages that the bundle holds parts of, which have to go with it. */
function licencesOf(inputs: readonly string[]): string {
  const names = inputs.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path) ?? []);
  const folders = [...new Set(names.filter((name) => name.endsWith('/')))].toSorted();
  return folders
    .map((folder) => {
      const file = globSync('{LICEN[CS]E,licen[cs]e}*', { cwd: join(root, folder) })[0];
      const text = file === undefined ? 'see its package.json' : readFileSync(join(root, folder, file), 'utf8');
      return `${folder.replace(/^.*node_modules\/|\/$/g, '')}\n\n${text.trim()}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

/**
 * Builds the executable.
 * @param entry the program's first file
 * @param target where the executable goes
 * @returns its size in bytes
 */
export async function buildBinary(entry: string, target: string): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), 'trivium-build-'));
  try {
    const script = join(scratch, 'trivium.cjs');
    const inputs = await bundle(entry, script);
    const blob = makeBlob(scratch, script);
    const binary = join(scratch, 'trivium');
    copyFileSync(process.execPath, binary);
    chmodSync(binary, 0o755);
    const strip = spawnSync('strip', [binary], { stdio: 'ignore' });
    if (strip.status !== 0) console.log('strip is not installed: the binary keeps its symbols');
    run(join(root, 'node_modules/postject/dist/cli.js'), binary, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', FUSE);
    mkdirSync(dirname(target), { recursive: true });
    // A copy beside the target, then a rename: a binary that runs may not be written to.
    copyFileSync(binary, `${target}.new`);
    renameSync(`${target}.new`, target);
    writeFileSync(join(dirname(target), 'LICENSES.txt'), licencesOf(inputs));
    return statSync(target).size;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const [entry = 'src/main.ts', target = join(root, 'dist/trivium')] = process.argv.slice(2);
  const size = await buildBinary(join(root, entry), target);
  console.log(
    `${target}: ${(size / 1e6).toFixed(1)} MB, Node ${process.versions.node}, ${process.platform} ${process.arch}`,
  );
}
