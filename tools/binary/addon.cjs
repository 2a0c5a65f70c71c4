'use strict';
// Takes the place of classic-level's binding.js inside the binary: LevelDB's native part is an asset of the executable.
// The loader of the operating system wants a file, which is deleted as soon as it is mapped.
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { dirname, join } = require('node:path');
const { getRawAsset } = require('node:sea');

/** Folders to try: one that is mounted noexec or read-only refuses. */
const FOLDERS = [tmpdir(), '/dev/shm', process.env.XDG_RUNTIME_DIR, process.cwd(), dirname(process.execPath)];

function load(folder) {
  const scratch = mkdtempSync(join(folder, 'trivium-'));
  try {
    const file = join(scratch, 'level.node');
    writeFileSync(file, new Uint8Array(getRawAsset('level.node')), { mode: 0o700 });
    const target = { exports: {} };
    process.dlopen(target, file);
    return target.exports;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function loadFromAny() {
  const refusals = [];
  for (const folder of FOLDERS.filter(Boolean)) {
    try {
      return load(folder);
    } catch (error) {
      refusals.push(`${folder}: ${error.message}`);
    }
  }
  throw new Error(
    `LevelDB's native part needs a folder that may hold executable files (TMPDIR): ${refusals.join('; ')}`,
  );
}

module.exports = loadFromAny();
