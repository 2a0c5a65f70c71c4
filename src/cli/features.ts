import { plugins } from '#src/server/program.ts';
import { EXIT } from './exit.ts';
import { say } from './output.ts';

/** One document that a front end or a module of it implements. */
interface Implemented {
  readonly document: string;
  readonly version: string;
  readonly status: string;
  readonly title: string;
  readonly protocol: string;
  readonly module: string;
  readonly note: string;
}

function implemented(): readonly Implemented[] {
  const rows = plugins.flatMap(({ modules, name: protocol, specs: own = [] }) =>
    [{ name: '', specs: own }, ...modules].flatMap(({ name: module, specs }) =>
      specs.map(({ document, note = '', status, title, version }) => ({
        document,
        version,
        status,
        title,
        protocol,
        module,
        note,
      })),
    ),
  );
  const order = new Intl.Collator('en', { numeric: true });
  return rows.toSorted((a, b) => order.compare(a.document, b.document) || order.compare(a.module, b.module));
}

/** Prints which documents this program implements, as its modules declare it. @returns the exit code */
export function printFeatures(json: boolean): number {
  const rows = implemented();
  if (json) say(JSON.stringify(rows));
  else for (const row of rows) say(Object.values(row).join('\t').trimEnd());
  return EXIT.ok;
}
