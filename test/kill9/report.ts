import type { Findings } from './ledger.ts';

/** Findings told on the screen for each check; the log has them all. */
const TOLD = 5;

/** The checks of a run: each has passed when nothing was found in its time. */
export class Report {
  readonly #findings: Findings;
  readonly #print: (line: string) => void;
  passed = 0;
  failed = 0;

  constructor(findings: Findings, print: (line: string) => void) {
    this.#findings = findings;
    this.#print = print;
  }

  async check(name: string, test: () => Promise<void>): Promise<void> {
    const before = this.#findings.count;
    try {
      await test();
    } catch (error) {
      this.#findings.add(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.judge(name, before);
  }

  /** Prints a check with what was found since. */
  judge(line: string, findingsBefore: number): void {
    const found = this.#findings.all.slice(findingsBefore);
    if (found.length === 0) this.passed += 1;
    else this.failed += 1;
    this.#print(`${found.length === 0 ? 'ok  ' : 'FAIL'}  ${line}`);
    for (const text of found.slice(0, TOLD)) this.#print(`        ${text}`);
    if (found.length > TOLD) this.#print(`        and ${found.length - TOLD} more, see the log`);
  }

  /** What could not go on. */
  broken(error: unknown): void {
    this.failed += 1;
    this.#print(`FAIL  ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}
