/** Child of level.test.ts: writes while its own limit of file size makes all writes fail, lifts the limit, and tells what it saw. */
import { execFileSync } from 'node:child_process';
import { text } from '#src/store/codec.ts';
import { openLevelStore } from '#src/store/level.ts';

const limit = (bytes: string): void => {
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`]);
};

/** One write for each line: the parent reads them from a pipe, which has no size. */
const tell = (line: string): void => console.log(line);

const recovered = Promise.withResolvers<void>();
const store = await openLevelStore({
  location: process.argv[2] ?? '',
  retry: { min: 5, max: 5 },
  onRecovered: recovered.resolve,
});
const table = store.table('t', text);
for (let i = 0; i < 100; i++) {
  table.put(String(i), 'x'.repeat(500));
  await store.barrier();
}
tell('written');
limit('1');
table.put('full', 'y');
await store.barrier()?.catch(() => tell('refused'));
table.put('during', 'y');
await store.barrier()?.catch(() => undefined);
if (table.get('0')?.length === 500 && table.get('full') === 'y') tell('read');
limit('unlimited');
await recovered.promise;
tell('recovered');
await store.barrier();
tell('durable');
await store.close();
