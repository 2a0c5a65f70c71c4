import { readFileSync } from 'node:fs';
import { report, root } from './source.ts';

/** Tables of docs/dependencies.md: name, version, licence, reason. */
const ROW = /^\| (?<name>[@\w/.-]+) \| (?<version>\d[\w.-]*) \| (?<licence>[^|]+) \| (?<reason>[^|]+) \|$/gm;

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

/** What the tables leave out, or say differently from package.json and the packages themselves. */
export function dependencyProblems(
  tables: string,
  versions: ReadonlyMap<string, string>,
  licenceOf: (name: string) => string,
): readonly string[] {
  const rows = new Map([...tables.matchAll(ROW)].map(({ groups }) => [groups?.['name'] ?? '', groups ?? {}]));
  const stale = [...rows.keys()].filter((name) => !versions.has(name));
  return [
    ...stale.map((name) => `docs/dependencies.md: ${name} is not in package.json`),
    ...[...versions].flatMap(([name, version]) => {
      if (!/^\d/.test(version)) return [`package.json: ${name} has no exact version`];
      const row = rows.get(name);
      if (!row) return [`docs/dependencies.md: ${name} ${version} has no row`];
      const licence = licenceOf(name);
      if (row['version'] === version && row['licence']?.trim() === licence) return [];
      return [`docs/dependencies.md: ${name} is ${version}, ${licence}`];
    }),
  ];
}

if (import.meta.main) {
  const manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as Manifest;
  const versions = new Map([...Object.entries(manifest.dependencies), ...Object.entries(manifest.devDependencies)]);
  const problems = dependencyProblems(readFileSync(`${root}/docs/dependencies.md`, 'utf8'), versions, (name) => {
    const { license } = JSON.parse(readFileSync(`${root}/node_modules/${name}/package.json`, 'utf8')) as {
      license?: string;
    };
    return license ?? 'no licence';
  });
  // An address in the lock file would tie every installation to one registry.
  const bound = /"resolved":/.test(readFileSync(`${root}/package-lock.json`, 'utf8'))
    ? ['package-lock.json names a registry']
    : [];
  report('dependencies', [...problems, ...bound], `${versions.size} packages, each with version, licence and reason`);
}
