/**
 * The language of the wire scripts: who sends, who receives. One statement a line; XML behind a colon, on the line or indented below.
 *
 *     RFC 6121 section 2.1.3: a client gets its roster          the title, first line
 *     settings:                                                 YAML for the server, indented below
 *     account romeo@localhost secret
 *     romeo connects [as romeo@localhost/orchard]               logs in and binds; sends nothing more
 *     romeo opens [to localhost] [on c2s-tls]                   a raw stream: header sent, header and features are received
 *     romeo sends: <presence/>                                  XML, or any text
 *     romeo receives: <presence from='romeo@localhost/orchard'/>
 *     romeo receives in any order:
 *     romeo receives exactly: …                                 no other attributes or children than these
 *     romeo is quiet                                            nothing has come that was not expected
 *     romeo restarts | starts tls | disconnects | breaks | is closed | ends
 *     server restarts
 *
 * In what is received `*` stands for any value; `{name}` takes the value, and puts it in wherever it stands later.
 */
export interface Statement {
  readonly line: number;
  readonly who: string;
  readonly verb: string;
  readonly text: string;
}

export interface Script {
  readonly title: string;
  readonly statements: readonly Statement[];
}

/** @throws Error naming the line that cannot be read */
export function parseScript(source: string): Script {
  const lines = source.split('\n');
  const statements: Statement[] = [];
  let title = '';
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line.trim() === '' || line.startsWith('#')) continue;
    if (title === '') {
      title = line.trim();
      continue;
    }
    if (line.startsWith(' ')) throw new Error(`line ${at + 1}: an indented line belongs to nothing`);
    const colon = splitAt(line);
    const words = (colon < 0 ? line : line.slice(0, colon)).trim();
    const block = colon < 0 ? [] : [line.slice(colon + 1).trim()];
    const first = at;
    while (colon >= 0 && (lines[at + 1]?.startsWith(' ') === true || lines[at + 1] === '') && hasMore(lines, at + 1)) {
      at += 1;
      block.push(lines[at] ?? '');
    }
    const space = words.indexOf(' ');
    const who = space < 0 ? words : words.slice(0, space);
    const verb = space < 0 ? '' : words.slice(space + 1);
    const text = who === 'settings' ? block.slice(1).map((part) => part.slice(2)).join('\n') : block.map((part) => part.trim()).join('');
    statements.push({ line: first + 1, who, verb, text });
  }
  return { title, statements };
}

/** The colon that ends the words of a statement; colons in addresses are not followed by a blank. */
function splitAt(line: string): number {
  if (line.endsWith(':')) return line.length - 1;
  return line.indexOf(': ');
}

/** An empty line belongs to a block only when the block goes on behind it. */
function hasMore(lines: readonly string[], at: number): boolean {
  for (let next = at; next < lines.length; next += 1) {
    const line = lines[next] ?? '';
    if (line !== '') return line.startsWith(' ');
  }
  return false;
}
