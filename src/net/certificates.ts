import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { domainToASCII } from 'node:url';
import { parseIp } from '#src/address/ip.ts';

/** A server certificate with its key, as it was read. */
export interface Certificate {
  /** The file of the chain. */
  readonly file: string;
  readonly keyFile: string;
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
const CHAIN_NAMES = new Set(['fullchain.pem', 'cert.pem', 'tls.crt']);
/** Bytes of a PEM file. */
const LARGEST = 1 << 20;
/** Directories below a directory, and files in all: a certificate directory is small, `/` given by mistake is not. */
const DEPTH = 3;
const MOST_FILES = 10_000;
const SOON = 14 * 24 * 3600 * 1000;

/**
 * Reads certificates from PEM files and from directories of them: `<name>.crt` with `<name>.key`, one `.pem` with both, and
 * `fullchain.pem` with `privkey.pem` in a directory of their own. A file that cannot be used is a problem, and the rest is read.
 */
export function readCertificates(paths: readonly string[]): CertificateFiles {
  const certificates: Certificate[] = [];
  const problems: CertificateProblem[] = [];
  for (const file of new Set(paths.flatMap((path) => chainFiles(path, problems, 0)))) {
    const found = readCertificate(file);
    if ('problem' in found) problems.push(found);
    else certificates.push(found);
  }
  return { certificates, problems };
}

/** Names, times and sizes of the files that `readCertificates` would read: when it differs, they are worth reading again. */
export function certificateState(paths: readonly string[]): string {
  const files = paths.flatMap((path) => chainFiles(path, [], 0));
  return files.map((file) => [file, stateOf(file), stateOf(keyBeside(file))].join(' ')).join('\n');
}

function stateOf(file: string | undefined): string {
  const found = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
  return found === undefined ? '-' : `${found.mtimeMs} ${found.size} ${found.ino}`;
}

function chainFiles(path: string, problems: CertificateProblem[], depth: number): readonly string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const files: string[] = [];
    const entries = readdirSync(path).toSorted();
    for (const name of entries) {
      const file = join(path, name);
      if (files.length >= MOST_FILES) break;
      if (isChain(entries, name)) files.push(file);
      // Followed through links: certbot's live/ holds nothing else.
      else if (depth < DEPTH && statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
        files.push(...chainFiles(file, problems, depth + 1));
      }
    }
    return files;
  } catch (error) {
    problems.push({ file: path, problem: messageOf(error) });
    return [];
  }
}

function isChain(directory: readonly string[], name: string): boolean {
  if (KEY_NAMES.includes(name) || name === 'chain.pem') return false;
  // Beside its chain, certbot puts the certificate alone.
  if (name === 'cert.pem' && directory.includes('fullchain.pem')) return false;
  return name.endsWith('.crt') || name.endsWith('.pem');
}

function readCertificate(file: string): Certificate | CertificateProblem {
  try {
    const chain = read(file);
    const keyFile = chain.includes('PRIVATE KEY-----') ? file : keyBeside(file);
    if (keyFile === undefined) return { file, problem: 'there is no private key beside it' };
    const key = keyFile === file ? chain : read(keyFile);
    const leaf = new X509Certificate(chain);
    if (!leaf.checkPrivateKey(createPrivateKey(key)))
      return { file, problem: 'the private key is that of another certificate' };
    return { file, keyFile, chain, key, leaf, names: namesOf(leaf) };
  } catch (error) {
    return { file, problem: messageOf(error) };
  }
}

function keyBeside(file: string): string | undefined {
  const name = basename(file);
  const dot = file.lastIndexOf('.');
  const besides = CHAIN_NAMES.has(name) ? KEY_NAMES.map((key) => join(dirname(file), key)) : [];
  const candidates = [...besides, `${dot < 0 ? file : file.slice(0, dot)}.key`];
  return candidates.find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile() === true);
}

function read(file: string): string {
  if (statSync(file).size > LARGEST) throw new Error('the file is too large to be a certificate');
  return readFileSync(file, 'utf8');
}

function namesOf(leaf: X509Certificate): readonly string[] {
  const entries = leaf.subjectAltName?.split(', ') ?? [];
  return entries.flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4).toLowerCase()] : []));
}

/** A host as certificates and SNI spell it: lower case, A-labels (RFC 5890 section 2.3.2.1), no brackets round an address. */
export function asciiHost(host: string): string {
  if (host.startsWith('[') && host.endsWith(']')) return host.slice(1, -1);
  const ascii = domainToASCII(host);
  return ascii === '' ? host.toLowerCase() : ascii;
}

/** RFC 9525 section 6.3: a wildcard is the whole left-most label, and stands for one label. Section 6.4: addresses by their own kind of name. */
export function covers({ leaf, names }: Certificate, host: string): boolean {
  const name = asciiHost(host);
  if (parseIp(name) !== undefined) return leaf.checkIP(name) !== undefined;
  const dot = name.indexOf('.');
  const wildcard = dot < 0 ? undefined : `*${name.slice(dot)}`;
  return names.some((covered) => covered === name || covered === wildcard);
}

export function isSelfSigned({ leaf }: Certificate): boolean {
  return leaf.issuer === leaf.subject;
}

/** Orders certificates for the same name: valid before expired, issued before self-signed. */
export function quality(certificate: Certificate, now: number): number {
  const { validFromDate, validToDate } = certificate.leaf;
  const valid = validFromDate.getTime() <= now && now < validToDate.getTime();
  return (valid ? 2 : 0) + (isSelfSigned(certificate) ? 0 : 1);
}

/** What is wrong with a certificate at this time, in words. */
export function judge(certificate: Certificate, now: number): readonly string[] {
  const { leaf, keyFile } = certificate;
  const problems: string[] = [];
  if (leaf.validFromDate.getTime() > now) problems.push(`is valid from ${leaf.validFromDate.toISOString()} only`);
  if (leaf.validToDate.getTime() < now) problems.push(`expired at ${leaf.validToDate.toISOString()}`);
  else if (leaf.validToDate.getTime() < now + SOON) problems.push(`expires soon, at ${leaf.validToDate.toISOString()}`);
  if (isSelfSigned(certificate)) problems.push('is self-signed');
  if (certificate.names.length === 0 && leaf.subjectAltName === undefined)
    problems.push('names no host (RFC 9525 needs a subjectAltName)');
  if (((statSync(keyFile, { throwIfNoEntry: false })?.mode ?? 0) & 0o007) !== 0)
    problems.push(`its key ${keyFile} can be used by everybody`);
  return problems;
}

/** A row of the command `check`: what a host presents. */
export interface CertificateRow {
  readonly host: string;
  /** Undefined when no certificate names the host. */
  readonly file: string | undefined;
  readonly names: readonly string[];
  readonly notBefore: Date | undefined;
  readonly notAfter: Date | undefined;
  readonly problems: readonly string[];
}

/** What each host presents at this time, and what is wrong with it. */
export function describeCertificates(
  certificates: readonly Certificate[],
  hosts: readonly string[],
  now: number,
): readonly CertificateRow[] {
  const best = certificates.toSorted((a, b) => quality(b, now) - quality(a, now));
  return hosts.map((host) => {
    const name = asciiHost(host);
    const certificate =
      best.find(({ names }) => names.includes(name)) ?? best.find((candidate) => covers(candidate, name));
    if (certificate === undefined) {
      return {
        host,
        file: undefined,
        names: [],
        notBefore: undefined,
        notAfter: undefined,
        problems: ['no certificate names it'],
      };
    }
    const { file, leaf, names } = certificate;
    return {
      host,
      file,
      names,
      notBefore: leaf.validFromDate,
      notAfter: leaf.validToDate,
      problems: judge(certificate, now),
    };
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
