import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A registry of IANA kept as data: names by value. */
export function registry(file: 'methods' | 'attributes' | 'error-codes' | 'password-algorithms'): ReadonlyMap<number, string> {
  const lines = readFileSync(join(import.meta.dirname, `${file}.csv`), 'utf8').split('\n');
  return new Map(
    lines
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const [value = '', name = ''] = line.split(',');
        return [Number(value), name];
      }),
  );
}
