import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Certificate, covers, judge } from '#src/net/certificates.ts';
import { probeListeners, probeUdp } from '#src/net/probe.ts';
import { certificateFiles, makeTls } from '#src/server/certificates.ts';
import { listenerConfigs, listenersOf } from '#src/server/listening.ts';
import { dataSection } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import { askServer } from './client.ts';
import { EXIT } from './exit.ts';
import { complain, say } from './output.ts';
import { adminPath } from './perform.ts';
import { type CommonOptions, readSettings } from './settings.ts';

/**
 * Looks for what would keep a server with these settings from serving well: the settings themselves, the data directory, the
 * certificates, the ports. Prints a line for each finding.
 * @returns the exit code: 0 nothing found, 1 findings, 2 the settings are wrong
 */
export async function check(options: CommonOptions): Promise<number> {
  const settings = readSettings(options);
  if (!('of' in settings)) {
    for (const problem of settings) complain(problem);
    return EXIT.usage;
  }
  const findings = [...dataFindings(settings), ...certificateFindings(settings), ...(await portFindings(settings))];
  for (const finding of findings) say(finding);
  if (findings.length > 0) return EXIT.error;
  say(`nothing found: ${settings.hosts.length} hosts, ${listenersOf(settings).length} listeners`);
  return EXIT.ok;
}

/** The nearest directory that exists is where the missing ones are made. */
function dataFindings(settings: Settings): readonly string[] {
  const { directory } = settings.of(dataSection);
  let existing = directory;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  if (!statSync(existing).isDirectory()) return [`data: ${existing} is no directory`];
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
    return [];
  } catch {
    return [`data: this user may not write in ${existing}`];
  }
}

function certificateFindings(settings: Settings): readonly string[] {
  const { certificates, problems } = certificateFiles(settings);
  const own = settings.of(dataSection).directory;
  // The server makes its own directory of certificates when it starts.
  const unusable = problems.filter(({ file }) => !file.startsWith(own) || existsSync(file));
  return [
    ...unusable.map(({ file, problem }) => `certificate ${file}: ${problem}`),
    ...settings.hosts.flatMap((host) => hostFindings(host, certificates)),
    ...libraryFindings(settings, certificates),
  ];
}

function hostFindings(host: string, certificates: readonly Certificate[]): readonly string[] {
  // No authority signs names of the machine itself, so nothing better can be had for them.
  const local = host === 'localhost' || host.endsWith('.localhost');
  const covering = certificates.filter((certificate) => covers(certificate, host));
  if (covering.length === 0)
    return local
      ? []
      : [`host ${host}: no certificate covers it; a self-signed one will be made, which clients refuse`];
  const judged = covering.map((certificate) => ({ certificate, problems: judge(certificate, Date.now()) }));
  if (local || judged.some(({ problems }) => problems.length === 0)) return [];
  return judged.flatMap(({ certificate, problems }) =>
    problems.map((problem) => `host ${host}: ${certificate.file} ${problem}`),
  );
}

function libraryFindings(settings: Settings, certificates: readonly Certificate[]): readonly string[] {
  try {
    makeTls(settings).load(certificates);
    return [];
  } catch (error) {
    return [`tls: ${error instanceof Error ? error.message : String(error)}`];
  }
}

/** Ports that a server with these settings holds already are where they belong. */
async function portFindings(settings: Settings): Promise<readonly string[]> {
  const held = await heldPorts(settings);
  const free = listenerConfigs(settings).filter(
    ({ path, port = 0, transport }) => transport !== 'udp' && path === undefined && !held.has(port),
  );
  const found = [...(await probeListeners(free))];
  for (const { address, name, port = 0, transport } of listenersOf(settings)) {
    if (transport !== 'udp' || held.has(port)) continue;
    const problem = await probeUdp(address, port);
    if (problem !== undefined) found.push(`listener ${name}: ${problem}`);
  }
  return found;
}

async function heldPorts(settings: Settings): Promise<ReadonlySet<number>> {
  const path = adminPath(settings);
  const answer = path === undefined ? undefined : await askServer(path, 'listener_list', [], false);
  if (answer === undefined || 'unreachable' in answer || !answer.ok || answer.type !== 'table') return new Set();
  return new Set(answer.value.map(({ port }) => Number(port)));
}
