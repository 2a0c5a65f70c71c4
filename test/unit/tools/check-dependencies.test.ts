import test from 'ava';
import { dependencyProblems } from '#tools/check-dependencies.ts';

const table = '| package | version | licence | reason |\n| --- | --- | --- | --- |\n| ltx | 3.1.2 | MIT | the tree |\n';
const problems = (name: string, version: string, licence = 'MIT'): string =>
  dependencyProblems(table, new Map([[name, version]]), () => licence).join('; ');

test('every package has a row with its version and licence', (t) => {
  t.is(problems('ltx', '3.1.2'), '');
  t.is(problems('ltx', '3.1.3'), 'docs/dependencies.md: ltx is 3.1.3, MIT');
  t.is(problems('ltx', '3.1.2', 'ISC'), 'docs/dependencies.md: ltx is 3.1.2, ISC');
  t.is(problems('ltx', '^3.1.2'), 'package.json: ltx has no exact version');
  t.is(
    problems('saxes', '6.0.0'),
    'docs/dependencies.md: ltx is not in package.json; docs/dependencies.md: saxes 6.0.0 has no row',
  );
});
