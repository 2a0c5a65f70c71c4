/**
 * Structured logs over pino: JSON lines or lines for people, a level for each scope that can be changed while the program runs.
 * Test `debugEnabled` before building the fields of a line on a hot path; a call whose level is off costs one test.
 */
import { pino, type DestinationStream, type Logger } from 'pino';
import { prettyLine } from './pretty.ts';
import { escapeControls, safeFields } from './redact.ts';

export const logLevels = ['off', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof logLevels)[number];
export type Fields = Readonly<Record<string, unknown>>;

export interface Log {
  readonly traceEnabled: boolean;
  readonly debugEnabled: boolean;
  readonly infoEnabled: boolean;
  trace(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  fatal(message: string, fields?: Fields): void;
  /** The log of a part of the program; the same name gives the same level. */
  scope(name: string): Log;
  /** A log whose lines all carry these fields: a connection's id, say. */
  with(fields: Fields): Log;
}

export interface RootLog extends Log {
  /** Changes the level of one scope, or with undefined the level of every scope that has none of its own. */
  setLevel(scope: string | undefined, level: LogLevel): void;
  /** Takes over the levels of new settings; scopes not named follow the general level again. */
  setLevels(level: LogLevel, scopes: Readonly<Record<string, LogLevel>>): void;
  /** The general level, under the empty name, and those of scopes that have their own. */
  levels(): ReadonlyMap<string, LogLevel>;
  /** Opens the file again, after it was moved away by a rotation. */
  reopen(): void;
  /** Writes what is waiting. */
  flush(): void;
}

/** Where lines go. */
export interface Sink {
  write(text: string): void;
  reopen?(): void;
  flush?(): void;
}

export interface LogOptions {
  readonly level?: LogLevel;
  readonly format?: 'pretty' | 'json';
  readonly scopes?: Readonly<Record<string, LogLevel>>;
  /** A path; standard output when absent. */
  readonly file?: string;
  /** Colours in pretty lines; by default on a terminal only. */
  readonly colour?: boolean;
  /** Takes the lines instead of file or standard output. */
  readonly sink?: Sink;
}

/** More scopes than parts of the program means a name made from data. */
const scopeLimit = 1000;

class Threshold {
  own: LogLevel | undefined;
  rank = 0;

  constructor(own: LogLevel | undefined, general: LogLevel) {
    this.own = own;
    this.follow(general);
  }

  follow(general: LogLevel): void {
    this.rank = logLevels.indexOf(this.own ?? general);
  }
}

const rankOf = { fatal: 1, error: 2, warn: 3, info: 4, debug: 5, trace: 6 } as const;
type Severity = keyof typeof rankOf;
/** Fields that pino writes itself. */
const reserved: ReadonlySet<string> = new Set(['level', 'time', 'scope', 'msg']);

class ScopedLog implements Log {
  protected readonly tree: Tree;
  protected readonly threshold: Threshold;
  readonly #bound: Fields;
  /** Made at the first line: most connections never write one. */
  #pino: Logger | undefined;

  /** `bound` are safe fields that each line carries, the scope's name among them. */
  constructor(tree: Tree, threshold: Threshold, bound: Fields) {
    this.tree = tree;
    this.threshold = threshold;
    this.#bound = bound;
  }

  get traceEnabled(): boolean {
    return this.threshold.rank >= rankOf.trace;
  }

  get debugEnabled(): boolean {
    return this.threshold.rank >= rankOf.debug;
  }

  get infoEnabled(): boolean {
    return this.threshold.rank >= rankOf.info;
  }

  trace(message: string, fields?: Fields): void {
    if (this.threshold.rank >= rankOf.trace) this.#write('trace', message, fields);
  }

  debug(message: string, fields?: Fields): void {
    if (this.threshold.rank >= rankOf.debug) this.#write('debug', message, fields);
  }

  info(message: string, fields?: Fields): void {
    if (this.threshold.rank >= rankOf.info) this.#write('info', message, fields);
  }

  warn(message: string, fields?: Fields): void {
    if (this.threshold.rank >= rankOf.warn) this.#write('warn', message, fields);
  }

  error(message: string, fields?: Fields): void {
    if (this.threshold.rank >= rankOf.error) this.#write('error', message, fields);
  }

  fatal(message: string, fields?: Fields): void {
    if (this.threshold.rank >= rankOf.fatal) this.#write('fatal', message, fields);
  }

  scope(name: string): Log {
    return new ScopedLog(this.tree, this.tree.threshold(name), { ...this.#bound, scope: name });
  }

  with(fields: Fields): Log {
    return new ScopedLog(this.tree, this.threshold, { ...this.#bound, ...prepare(fields) });
  }

  #write(severity: Severity, message: string, fields: Fields | undefined): void {
    const output = (this.#pino ??= this.tree.output.child(this.#bound));
    if (fields === undefined) output[severity](message);
    else output[severity](prepare(fields), message);
  }
}

/** Safe fields whose names do not shadow those of the line itself. */
function prepare(fields: Fields): Record<string, unknown> {
  const safe = safeFields(fields);
  for (const name of reserved) {
    if (!(name in safe)) continue;
    safe[`${name}_`] = safe[name];
    delete safe[name];
  }
  return safe;
}

/** The levels shared by all logs of one root. */
class Tree {
  general: LogLevel;
  readonly thresholds = new Map<string, Threshold>();
  readonly root: Threshold;
  readonly output: Logger;

  constructor(general: LogLevel, output: Logger) {
    this.general = general;
    this.output = output;
    this.root = new Threshold(undefined, general);
  }

  threshold(name: string): Threshold {
    let found = this.thresholds.get(name);
    if (found === undefined) {
      if (this.thresholds.size >= scopeLimit) throw new Error(`more than ${scopeLimit} log scopes: ${name}`);
      found = new Threshold(undefined, this.general);
      this.thresholds.set(name, found);
    }
    return found;
  }

  apply(): void {
    this.root.follow(this.general);
    for (const threshold of this.thresholds.values()) threshold.follow(this.general);
  }
}

class Root extends ScopedLog implements RootLog {
  readonly #sink: Sink;

  constructor(tree: Tree, sink: Sink) {
    super(tree, tree.root, {});
    this.#sink = sink;
  }

  setLevel(scope: string | undefined, level: LogLevel): void {
    if (scope === undefined) this.tree.general = level;
    else this.tree.threshold(scope).own = level;
    this.tree.apply();
  }

  setLevels(level: LogLevel, scopes: Readonly<Record<string, LogLevel>>): void {
    this.tree.general = level;
    for (const threshold of this.tree.thresholds.values()) threshold.own = undefined;
    for (const [name, own] of Object.entries(scopes)) this.tree.threshold(name).own = own;
    this.tree.apply();
  }

  levels(): ReadonlyMap<string, LogLevel> {
    const own = [...this.tree.thresholds].flatMap(([name, { own: level }]) =>
      level === undefined ? [] : [[name, level] as const],
    );
    return new Map([['', this.tree.general] as const, ...own]);
  }

  reopen(): void {
    this.#sink.reopen?.();
  }

  flush(): void {
    this.#sink.flush?.();
  }
}

/** The root log of a process. */
export function createLog(options: LogOptions = {}): RootLog {
  const { level = 'info', format = 'pretty', scopes = {} } = options;
  const sink = options.sink ?? openSink(options.file);
  const colour = options.colour ?? (options.sink === undefined && options.file === undefined && process.stdout.isTTY);
  const stream: DestinationStream = {
    write(line: string): void {
      sink.write(format === 'json' ? `${escapeControls(line.slice(0, -1))}\n` : prettyLine(line, colour));
    },
  };
  const output = pino(
    {
      // The level of a scope decides before pino is asked.
      level: 'trace',
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  const root = new Root(new Tree(level, output), sink);
  root.setLevels(level, scopes);
  return root;
}

/** Synchronous, so that the last line before a crash is there. */
function openSink(file: string | undefined): Sink {
  const destination = pino.destination({ dest: file ?? 1, sync: true, mkdir: true });
  return {
    write: (text) => void destination.write(text),
    reopen: () => (file === undefined ? undefined : destination.reopen()),
    flush: () => destination.flushSync(),
  };
}

/** A log that writes nothing. */
export const silentLog: Log = createLog({ level: 'off', sink: { write: () => undefined } });
