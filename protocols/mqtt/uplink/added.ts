import { Buffer } from 'node:buffer';
import type { NodeKey } from '#src/accounts/node-key.ts';
import { loadSettings } from '#src/settings/load.ts';
import { formatProblem } from '#src/settings/problem.ts';
import { json } from '#src/store/codec.ts';
import type { Store, Table } from '#src/store/store.ts';
import { type UplinkOptions, uplinkOptions, uplinksSection } from './settings.ts';

/** An entry as it was given, sealed by the node key: a password may be in it. Base64. */
interface StoredUplink {
  readonly sealed: string;
}

/** Uplinks that were added by a command, beside those of the settings. */
export class AddedUplinks {
  readonly #table: Table<StoredUplink>;
  readonly #key: NodeKey;
  /** By host, then by name. */
  readonly #options = new Map<string, Map<string, UplinkOptions>>();

  constructor(store: Store, key: NodeKey) {
    this.#table = store.table('mqtt-uplinks-added', json<StoredUplink>());
    this.#key = key;
  }

  /** @param failed is told of an entry that holds no more: its files are gone, or the node key is another one */
  async restore(failed: (host: string, name: string, problem: string) => void): Promise<void> {
    for await (const [[host = '', name = ''], { sealed }] of this.#table.scan([])) {
      const text = this.#key.open(Buffer.from(sealed, 'base64'), contextOf(host, name))?.toString('utf8');
      const options = text === undefined ? 'it was sealed by another node key' : readUplink(host, name, text);
      if (typeof options === 'string') failed(host, name, options);
      else this.#set(host, options);
    }
  }

  of(host: string): readonly UplinkOptions[] {
    return [...(this.#options.get(host)?.values() ?? [])];
  }

  has(host: string, name: string): boolean {
    return this.#table.has([host, name]);
  }

  /** Adds an uplink, or puts it in the place of one that was added. @returns what is wrong with it; undefined for nothing */
  add(host: string, name: string, text: string): string | undefined {
    const options = readUplink(host, name, text);
    if (typeof options === 'string') return options;
    const sealed = this.#key.seal(Buffer.from(text), contextOf(host, name)).toString('base64');
    this.#table.put([host, name], { sealed });
    this.#set(host, options);
    return undefined;
  }

  /** @returns whether there was one */
  remove(host: string, name: string): boolean {
    if (!this.has(host, name)) return false;
    this.#table.delete([host, name]);
    this.#options.get(host)?.delete(name);
    return true;
  }

  #set(host: string, options: UplinkOptions): void {
    let ofHost = this.#options.get(host);
    if (ofHost === undefined) this.#options.set(host, (ofHost = new Map<string, UplinkOptions>()));
    ofHost.set(options.name, options);
  }
}

/** An entry of `mqtt_uplinks` by itself, as YAML or JSON. @returns a string for what is wrong with it */
function readUplink(host: string, name: string, text: string): UplinkOptions | string {
  const whole = `mqtt_uplinks:\n  ${JSON.stringify(name)}:\n${text.replaceAll(/^/gm, '    ')}\n`;
  const { problems, settings } = loadSettings(whole, 'uplink', [uplinksSection], { env: process.env });
  if (problems !== undefined) return problems.map(formatProblem).join('; ');
  const [options, ...more] = uplinkOptions(settings, host);
  return options === undefined || more.length > 0 ? 'one uplink is wanted' : options;
}

const contextOf = (host: string, name: string): string => `mqtt-uplink\0${host}\0${name}`;
