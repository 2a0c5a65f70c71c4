import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CertificateWatch } from '#src/net/certificate-watch.ts';
import { type CertificateFiles, covers, readCertificates } from '#src/net/certificates.ts';
import { writeSelfSigned } from '#src/net/self-signed.ts';
import type { Timers } from '#src/net/timers.ts';
import { TlsService } from '#src/net/tls.ts';
import type { Log } from '#src/observe/log.ts';
import { dataSection, tlsSection } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';

export function makeTls(settings: Settings): TlsService {
  const { ciphers, client_ca, client_certificates, curves, min_version } = settings.of(tlsSection);
  return new TlsService({
    minVersion: min_version,
    ciphers,
    curves,
    clientCertificates: client_certificates,
    clientAuthorities: client_ca.map((file) => readFileSync(file, 'utf8')),
  });
}

/** The certificates that the settings name, then those of the data directory. */
export function certificateFiles(settings: Settings): CertificateFiles {
  return readCertificates(certificatePaths(settings));
}

function certificatePaths(settings: Settings): readonly string[] {
  return [...settings.of(tlsSection).certificates, ownDirectory(settings)];
}

function ownDirectory(settings: Settings): string {
  return join(settings.of(dataSection).directory, 'certificates');
}

/** Takes over certificates that were renewed without a word, as long as the timers run. */
export function watchCertificates(timers: Timers, tls: TlsService, settings: () => Settings, log: Log): void {
  const paths = (): readonly string[] => certificatePaths(settings());
  const read = (): void => {
    try {
      loadCertificates(tls, settings(), log);
      log.info('certificates read again');
    } catch (error) {
      log.error('the new certificates cannot be used', {
        problem: error instanceof Error ? error.message : String(error),
      });
    }
  };
  void new CertificateWatch(timers, paths, read);
}

/**
 * Loads the certificates, making a self-signed one for each host that none of them covers.
 * @throws Error when one cannot be used by the TLS library
 */
export function loadCertificates(tls: TlsService, settings: Settings, log: Log): void {
  let files = certificateFiles(settings);
  const uncovered = settings.hosts.filter(
    (host) => !files.certificates.some((certificate) => covers(certificate, host)),
  );
  for (const host of uncovered) {
    log.info('making a self-signed certificate', { host });
    writeSelfSigned(ownDirectory(settings), host, new Date());
  }
  if (uncovered.length > 0) files = certificateFiles(settings);
  for (const { file, problem } of files.problems) {
    if (uncovered.length === 0 || !problem.startsWith('ENOENT'))
      log.warn('a certificate cannot be used', { file, problem });
  }
  tls.load(files.certificates, settings.hosts[0]);
}
