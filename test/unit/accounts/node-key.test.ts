import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { NodeKey } from '#src/accounts/node-key.ts';

const directory = mkdtempSync(join(tmpdir(), 'trivium-key-'));
test.after.always(() => rmSync(directory, { recursive: true }));

test('a sealed value opens with its key and context only', (t) => {
  const key = NodeKey.random();
  const sealed = key.seal(Buffer.from('secret'), 'ha1\0example.org\0romeo');
  t.is(key.open(sealed, 'ha1\0example.org\0romeo')?.toString(), 'secret');
  t.is(key.open(sealed, 'ha1\0example.org\0juliet'), undefined, 'moved to another account');
  t.is(NodeKey.random().open(sealed, 'ha1\0example.org\0romeo'), undefined);
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    t.is(key.open(changed, 'ha1\0example.org\0romeo'), undefined, `byte ${at}`);
    t.is(key.open(sealed.subarray(0, at), 'ha1\0example.org\0romeo'), undefined, `cut at ${at}`);
  }
  t.notDeepEqual(key.seal(Buffer.from('secret'), 'x'), key.seal(Buffer.from('secret'), 'x'));
});

test.serial('the file is made once, for its owner only, and a second start reads the same key', (t) => {
  const first = NodeKey.load(directory);
  const path = join(directory, 'node.key');
  t.is(statSync(path).mode & 0o777, 0o600);
  chmodSync(path, 0o644);
  const second = NodeKey.load(directory);
  t.is(statSync(path).mode & 0o777, 0o600, 'rights that are too wide are taken back');
  t.deepEqual(first.derive('a'), second.derive('a'));
  t.notDeepEqual(first.derive('a'), first.derive('b'));
});

test.serial('a damaged file stops the start instead of losing what it sealed', (t) => {
  writeFileSync(join(directory, 'node.key'), 'short');
  t.throws(() => NodeKey.load(directory), { message: /node\.key: 5 bytes instead of 32: restore it from a backup/ });
});
