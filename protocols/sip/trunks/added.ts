import { Buffer } from 'node:buffer';
import type { NodeKey } from '#src/accounts/node-key.ts';
import { loadSettings } from '#src/settings/load.ts';
import { formatProblem } from '#src/settings/problem.ts';
import { json } from '#src/store/codec.ts';
import type { Store, Table } from '#src/store/store.ts';
import { sipSection, type TrunkSettings } from '../settings.ts';

/** An entry as it was given, sealed by the node key: a password may be in it. Base64. */
interface StoredTrunk {
  readonly sealed: string;
}

/** Trunks that were added by a command, beside those of the settings. */
export class AddedTrunks {
  readonly #table: Table<StoredTrunk>;
  readonly #key: NodeKey;
  readonly #trunks = new Map<string, TrunkSettings>();

  constructor(store: Store, key: NodeKey) {
    this.#table = store.table('sip-trunks', json<StoredTrunk>());
    this.#key = key;
  }

  /** @param failed is told of an entry that holds no more, such as one that another node key has sealed */
  async restore(failed: (name: string, problem: string) => void): Promise<void> {
    for await (const [[name = ''], { sealed }] of this.#table.scan([])) {
      const text = this.#key.open(Buffer.from(sealed, 'base64'), contextOf(name))?.toString('utf8');
      const trunk = text === undefined ? 'it was sealed by another node key' : readTrunk(name, text);
      if (typeof trunk === 'string') failed(name, trunk);
      else this.#trunks.set(name, trunk);
    }
  }

  [Symbol.iterator](): IterableIterator<TrunkSettings> {
    return this.#trunks.values();
  }

  /** Adds a trunk, or puts it in the place of one that was added. @returns what is wrong with it; undefined for nothing */
  add(name: string, text: string): string | undefined {
    const trunk = readTrunk(name, text);
    if (typeof trunk === 'string') return trunk;
    this.#table.put([name], { sealed: this.#key.seal(Buffer.from(text), contextOf(name)).toString('base64') });
    this.#trunks.set(name, trunk);
    return undefined;
  }

  /** @returns whether there was one */
  remove(name: string): boolean {
    if (!this.#table.has([name])) return false;
    this.#table.delete([name]);
    this.#trunks.delete(name);
    return true;
  }
}

/** An entry of `sip.trunks` by itself, as YAML or JSON, its name apart. @returns a string for what is wrong with it */
function readTrunk(name: string, text: string): TrunkSettings | string {
  const entry = text.trim().startsWith('{') ? `    - ${text.trim()}` : `    -\n${text.replaceAll(/^/gm, '      ')}`;
  const named = entry.replace(/^( {4}- ?)(\{|\n)/, (_, dash: string, opening: string) =>
    opening === '{' ? `${dash}{ "name": ${JSON.stringify(name)}, ` : `${dash}\n      name: ${JSON.stringify(name)}\n`,
  );
  const loaded = loadSettings(`sip:\n  trunks:\n${named}\n`, 'trunk', [sipSection], { env: process.env });
  if (loaded.settings === undefined) return loaded.problems.map(formatProblem).join('; ');
  const [trunk, ...more] = loaded.settings.of(sipSection).trunks;
  return trunk === undefined || more.length > 0 || trunk.name !== name ? 'one trunk is wanted' : trunk;
}

const contextOf = (name: string): string => `sip-trunk\0${name}`;
