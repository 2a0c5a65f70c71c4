import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

// USER_HZ and the page size as Linux shows them to programs on x86-64 and arm64 (proc(5)).
const TICK_MICROSECONDS = 10_000;
const PAGE_BYTES = 4096;

/** What the bench needs of one line of /proc/<pid>/stat: times in microseconds. */
export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly cpu: number;
}

/** Reads one /proc/<pid>/stat line (proc(5)); the command's name may hold spaces and parentheses. */
export function parseStat(line: string): ProcessStat | undefined {
  const close = line.lastIndexOf(')');
  const pid = Number.parseInt(line, 10);
  const fields = line.slice(close + 2).split(' ');
  const [parent, user, system] = [Number(fields[1]), Number(fields[11]), Number(fields[12])];
  if (close < 0 || Number.isNaN(pid + parent + user + system)) return undefined;
  return { pid, parent, cpu: (user + system) * TICK_MICROSECONDS };
}

/** The process and all its descendants, found through the parents of every process. */
export function treeOf(root: number, processes: readonly ProcessStat[]): readonly number[] {
  const tree = [root];
  for (const parent of tree) {
    for (const process of processes) {
      if (process.parent === parent && !tree.includes(process.pid)) tree.push(process.pid);
    }
  }
  return tree;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined; // the process has ended
  }
}

function allProcesses(): readonly ProcessStat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d{1,10}$/.test(name))
    .map((name) => parseStat(read(`/proc/${name}/stat`) ?? ''))
    .filter((stat) => stat !== undefined);
}

/** CPU time and memory of a server: its process and the descendants it had when the meter was made. */
export class Meter {
  readonly #pids: readonly number[];

  constructor(root: number) {
    this.#pids = treeOf(root, allProcesses());
  }

  /** User and system time used so far by the whole tree, in microseconds, to the tick of 10 ms. */
  cpu(): number {
    return this.#sum((pid) => parseStat(read(`/proc/${pid}/stat`) ?? '')?.cpu ?? 0);
  }

  /** Resident set of the whole tree in bytes. Pages shared by its processes count more than once: use differences. */
  resident(): number {
    return this.#sum((pid) => Number(read(`/proc/${pid}/statm`)?.split(' ')[1] ?? 0) * PAGE_BYTES);
  }

  /** Waits until memory changes by less than 1% a second, at most 10 s, and returns it. */
  async settled(): Promise<number> {
    let before = this.resident();
    for (let i = 0; i < 10; i++) {
      await delay(1000);
      const now = this.resident();
      if (i > 0 && Math.abs(now - before) < before / 100) return now;
      before = now;
    }
    return before;
  }

  #sum(value: (pid: number) => number): number {
    return this.#pids.reduce((sum, pid) => sum + value(pid), 0);
  }
}
