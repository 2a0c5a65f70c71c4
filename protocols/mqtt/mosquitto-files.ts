/** The files of mosquitto: passwords (mosquitto_passwd) and access lists (mosquitto.conf, acl_file). */
import { Buffer } from 'node:buffer';
import type { AclAction, AclEntry } from './acl.ts';
import { topicFilterFault } from './packet/topic.ts';

/** One line that is not taken over, and why. */
export interface Skipped {
  readonly line: number;
  readonly why: string;
}

export interface ImportedPassword {
  readonly username: string;
  /** `$7$`: PBKDF2 with HMAC-SHA-512, which is the salted password of SCRAM-SHA-512 (RFC 5802 section 3). `$6$`: SHA-512. */
  readonly hash: Buffer;
  readonly salt: Buffer;
  /** Undefined for `$6$`. */
  readonly iterations: number | undefined;
}

export interface Imported<T> {
  readonly taken: readonly T[];
  readonly skipped: readonly Skipped[];
}

const SHA512_BYTES = 64;

/** `user:$7$iterations$salt$hash` and `user:$6$salt$hash`. */
export function readPasswordFile(text: string): Imported<ImportedPassword> {
  const taken: ImportedPassword[] = [];
  const skipped: Skipped[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const row = raw.trim();
    if (row === '' || row.startsWith('#')) continue;
    const read = readPassword(row);
    if (typeof read === 'string') skipped.push({ line: index + 1, why: read });
    else taken.push(read);
  }
  return { taken, skipped };
}

function readPassword(row: string): ImportedPassword | string {
  const colon = row.indexOf(':');
  if (colon < 1) return 'no user name';
  const [before, kind = '', ...fields] = row.slice(colon + 1).split('$');
  if (before !== '' || kind === '') return 'no hash: the password is in the clear';
  if (kind !== '6' && kind !== '7') return `a hash of kind $${kind.slice(0, 10)}$, which is unknown`;
  const iterations = kind === '7' ? Number(fields.shift()) : undefined;
  const [salt = '', hash = '', ...more] = fields;
  const read = { hash: Buffer.from(hash, 'base64'), salt: Buffer.from(salt, 'base64') };
  const counts = iterations === undefined || (Number.isSafeInteger(iterations) && iterations >= 1);
  if (more.length > 0 || !counts || read.hash.length !== SHA512_BYTES || read.salt.length === 0)
    return 'a hash that cannot be read';
  return { username: row.slice(0, colon), iterations, ...read };
}

const ACTIONS: ReadonlyMap<string, { readonly action: AclAction | 'all'; readonly allow: boolean }> = new Map([
  ['read', { action: 'subscribe', allow: true }],
  ['write', { action: 'publish', allow: true }],
  ['readwrite', { action: 'all', allow: true }],
  ['deny', { action: 'all', allow: false }],
]);

/** `user`, `topic` and `pattern` lines, in the order in which they hold: mosquitto looks at denials first. */
export function readAclFile(text: string): Imported<AclEntry> {
  const taken: AclEntry[] = [];
  const skipped: Skipped[] = [];
  let who = 'anonymous';
  for (const [index, raw] of text.split('\n').entries()) {
    const row = raw.trim();
    if (row === '' || row.startsWith('#')) continue;
    const [word, rest] = splitWord(row);
    if (word === 'user') who = rest;
    else {
      const read =
        word === 'topic' || word === 'pattern' ? readAclLine(word === 'topic' ? who : '*', rest) : 'an unknown word';
      if (typeof read === 'string') skipped.push({ line: index + 1, why: read });
      else taken.push(read);
    }
  }
  return { taken: [...taken.filter(({ allow }) => !allow), ...taken.filter(({ allow }) => allow)], skipped };
}

function readAclLine(who: string, text: string): AclEntry | string {
  const [word, rest] = splitWord(text);
  const named = ACTIONS.get(word);
  const filter = named === undefined || rest === '' ? text : rest;
  const fault = topicFilterFault(filter);
  if (fault !== undefined) return fault;
  // A name of mosquitto is no pattern.
  if (who !== '*' && /[*?]/.test(who)) return 'a user name that would be a pattern here';
  return { who, filter, ...(named !== undefined && rest !== '' ? named : { action: 'all', allow: true }) };
}

function splitWord(text: string): readonly [string, string] {
  const at = text.search(/\s/);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at).trim()];
}
