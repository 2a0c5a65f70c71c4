import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { durably, host, hostOf } from '#src/admin/commands/common.ts';
import { type Command, defineCommand, type Row } from '#src/admin/commands.ts';
import type { Credential } from '#src/accounts/verifiers.ts';
import { type ImportedPassword, readAclFile, readPasswordFile, type Skipped } from '../mosquitto-files.ts';
import { brokerOf, tags } from './common.ts';

const file = { name: 'file', type: 'string', description: 'Path of the file', file: true } as const;

const rowsOf = (skipped: readonly Skipped[]): readonly Row[] =>
  skipped.map(({ line, why }) => ({ line, result: 'skipped', detail: why }));

/** RFC 5802 section 3, from the salted password on. The other verifiers are made when the user logs in with the password. */
function credentialOf({ hash, iterations, salt }: ImportedPassword): Credential {
  if (iterations === undefined) return { version: 1, scram: {}, salted: { salt, hash } };
  const key = (label: string): Buffer => createHmac('sha512', hash).update(label).digest();
  const storedKey = createHash('sha512').update(key('Client Key')).digest();
  return {
    version: 1,
    scram: { 'SHA-512': { salt, iterations, keys: [{ storedKey, serverKey: key('Server Key') }] } },
  };
}

const importPasswords = defineCommand({
  name: 'mqtt_import_passwords',
  description:
    'Make accounts from a password file of mosquitto ($6$ and $7$ hashes). Accounts that exist stay as they are.',
  tags,
  offline: true,
  arguments: [host, file],
  result: 'table',
  run(parts, args) {
    const domain = hostOf(parts, args.host);
    const { skipped, taken } = readPasswordFile(readFileSync(args.file, 'utf8'));
    const rows = taken.map((entry): Row => {
      const change = parts.accounts.adopt(domain, entry.username, credentialOf(entry));
      const detail = change.ok ? entry.username : (change.refusal.text ?? change.refusal.condition);
      return { line: 0, result: change.ok ? 'imported' : 'skipped', detail };
    });
    return durably(parts, [...rows, ...rowsOf(skipped)]);
  },
});

const importAcl = defineCommand({
  name: 'mqtt_import_acl',
  description:
    'Add the entries of an access file of mosquitto. There, what is not allowed is denied: set mqtt.acl_default to deny as well.',
  tags,
  arguments: [host, file],
  result: 'table',
  run(parts, args) {
    const { acl } = brokerOf(parts, args.host);
    const { skipped, taken } = readAclFile(readFileSync(args.file, 'utf8'));
    const rows = taken.map((entry): Row => ({
      line: 0,
      result: 'imported',
      detail: `${acl.add(entry)} ${entry.who} ${entry.filter}`,
    }));
    return durably(parts, [...rows, ...rowsOf(skipped)]);
  },
});

export const importCommands: readonly Command[] = [importPasswords, importAcl];
