import { report, sources } from './source.ts';

/** What nobody leaves in the tree: a rule switched off for one place, a note instead of work, a test that does not run. */
const WAIVERS: readonly (readonly [pattern: RegExp, folders: readonly string[]])[] = [
  [/(?:oxlint|eslint)-disable|@ts-(?:ignore|nocheck)|c8 ignore/, ['src', 'protocols', 'bridges', 'tools', 'test']],
  [/@ts-expect-error/, ['src', 'protocols', 'bridges', 'tools']],
  [/\b(?:TODO|FIXME|XXX|HACK)\b/, ['src', 'protocols', 'bridges', 'tools', 'test']],
  [/\btest(?:\.serial)?\.(?:skip|only|todo|failing)\b/, ['test']],
];

if (import.meta.main) {
  const problems = WAIVERS.flatMap(([pattern, folders]) =>
    sources(...folders)
      .filter(({ path }) => path !== 'tools/check-waivers.ts')
      .flatMap(({ path, text }) =>
        text.split('\n').flatMap((line, at) => (pattern.test(line) ? [`${path}:${at + 1}: ${line.trim()}`] : [])),
      ),
  );
  report('waivers', problems, 'no rule is switched off, no test skipped');
}
