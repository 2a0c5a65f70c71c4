import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A server certificate with its key, as it was read. */
export interface Certificate {
  /** The file of the chain. */
  readonly file: string;
  readonly chain: string;
  readonly key: string;
  readonly leaf: X509Certificate;
  /** The DNS names in it, lower case, `*.example.org` among them. RFC 9525 section 2: the common name does not count. */
  readonly names: readonly string[];
}

/** One file or directory that could not be used, and why. */
export interface CertificateProblem {
  readonly file: string;
  readonly problem: string;
}

export interface CertificateFiles {
  readonly certificates: readonly Certificate[];
  readonly problems: readonly CertificateProblem[];
}

const KEY_NAMES = ['privkey.pem', 'key.pem', 'tls.key'];
const CHAIN_NAMES = ['fullchain.pem', 'cert.pem', 'tls.crt'];
const LARGEST = 1 << 20;
const DEPTH = 3;

/**
 * Reads certificates from PEM files and from directories of them: `<name>.crt` with `<name>.key`, one `.pem` with both, and
 * `fullchain.pem` with `privkey.pem` in a directory of their own. A file that cannot be used is a problem, and the rest is read.
 */
export function readCertificates(paths: readonly string[]): CertificateFiles {
  const certificates: Certificate[] = [];
  const problems: CertificateProblem[] = [];
  for (const file of paths.flatMap((path) => chainFiles(path, problems, 0))) {
    const read = readCertificate(file);
    if ('problem' in read) problems.push(read);
    else certificates.push(read);
  }
  return { certificates, problems };
}

function chainFiles(path: string, problems: CertificateProblem[], depth: number): readonly string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    if (depth > DEPTH) return [];
    const files: string[] = [];
    for (const entry of readdirSync(path, { withFileTypes: true }).toSorted((a, b) => a.name.localeCompare(b.name))) {
      const file = join(path, entry.name);
      if (entry.isDirectory()) files.push(...chainFiles(file, problems, depth + 1));
      else if (isChain(entry.name)) files.push(file);
    }
    return files;
  } catch (error) {
    problems.push({ file: path, problem: messageOf(error) });
    return [];
  }
}

function isChain(name: string): boolean {
  if (KEY_NAMES.includes(name) || name === 'chain.pem') return false;
  return name.endsWith('.crt') || name.endsWith('.pem');
}

function readCertificate(file: string): Certificate | CertificateProblem {
  try {
    const chain = read(file);
    const key = chain.includes('PRIVATE KEY-----') ? chain : readKey(file);
    if (key === undefined) return { file, problem: 'there is no private key beside it' };
    const leaf = new X509Certificate(chain);
    if (!leaf.checkPrivateKey(createPrivateKey(key))) return { file, problem: 'the private key is that of another certificate' };
    return { file, chain, key, leaf, names: namesOf(leaf) };
  } catch (error) {
    return { file, problem: messageOf(error) };
  }
}

function readKey(file: string): string | undefined {
  const name = basename(file);
  const besides = CHAIN_NAMES.includes(name) ? KEY_NAMES.map((key) => join(dirname(file), key)) : [];
  for (const candidate of [...besides, `${file.slice(0, file.lastIndexOf('.'))}.key`]) {
    try {
      return read(candidate);
    } catch {
      // The next place; that none has it is told by the caller.
    }
  }
  return undefined;
}

function read(file: string): string {
  if (statSync(file).size > LARGEST) throw new Error('the file is too large to be a certificate');
  return readFileSync(file, 'utf8');
}

function namesOf(leaf: X509Certificate): readonly string[] {
  const entries = leaf.subjectAltName?.split(', ') ?? [];
  return entries.flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4).toLowerCase()] : []));
}

/** RFC 9525 section 6.3: a wildcard is the whole left-most label, and stands for one label. */
export function covers({ names }: Certificate, host: string): boolean {
  const dot = host.indexOf('.');
  const wildcard = dot < 0 ? undefined : `*${host.slice(dot)}`;
  return names.some((name) => name === host || name === wildcard);
}

/** What is wrong with a certificate for these hosts at this time, in words. */
export function judge(certificate: Certificate, now: number): readonly string[] {
  const { leaf } = certificate;
  const problems: string[] = [];
  if (leaf.validFromDate.getTime() > now) problems.push(`is valid from ${leaf.validFromDate.toISOString()} only`);
  if (leaf.validToDate.getTime() < now) problems.push(`expired at ${leaf.validToDate.toISOString()}`);
  else if (leaf.validToDate.getTime() < now + SOON) problems.push(`expires soon, at ${leaf.validToDate.toISOString()}`);
  if (leaf.issuer === leaf.subject) problems.push('is self-signed');
  return problems;
}

const SOON = 14 * 24 * 3600 * 1000;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
