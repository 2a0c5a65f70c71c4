import { readFileSync, statSync } from 'node:fs';
import { readCertificates } from '#src/net/certificates.ts';
import type { DialTls } from '#src/net/dial.ts';
import type { UplinkTls } from './settings.ts';

/** Bytes of a file of authorities: a bundle of all public ones has a quarter of it. */
const LARGEST = 1 << 20;

/**
 * Reads the files that TLS needs; each attempt to connect does, so that renewed ones are seen.
 * @throws Error when one cannot be used
 */
export function dialTls({ authorities, certificate, serverName, verify }: UplinkTls): DialTls {
  return {
    alpn: ['mqtt'],
    ...(serverName === undefined ? {} : { serverName }),
    ...(authorities.length === 0 ? {} : { authorities: authorities.map(readPem) }),
    ...(certificate === undefined ? {} : { certificate: own(certificate) }),
    ...(verify ? {} : { unverified: true }),
  };
}

function readPem(file: string): string {
  if (statSync(file).size > LARGEST) throw new Error(`${file} is too large to be a list of authorities`);
  return readFileSync(file, 'utf8');
}

function own(file: string): { readonly chain: string; readonly key: string } {
  const { certificates, problems } = readCertificates([file]);
  const [found] = certificates;
  if (found === undefined) throw new Error(`${file}: ${problems[0]?.problem ?? 'there is no certificate in it'}`);
  return { chain: found.chain, key: found.key };
}
