import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate } from '#tools/bench/peers/peer.ts';

/** A self-signed ECDSA P-256 certificate, the same for every server of a run, so that handshakes cost the same. */
export function makeCertificate(directory: string, domain: string): Certificate {
  const key = join(directory, 'key.pem');
  const certificate = join(directory, 'certificate.pem');
  const pem = join(directory, 'both.pem');
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const name = ['-subj', `/CN=${domain}`, '-addext', `subjectAltName=DNS:${domain}`, '-days', '30'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...name, '-keyout', key, '-out', certificate], { stdio: 'pipe' });
  writeFileSync(pem, readFileSync(key, 'latin1') + readFileSync(certificate, 'latin1'));
  return { key, certificate, pem };
}
