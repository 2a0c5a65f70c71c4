/**
 * The language of the wire scripts: who sends, who receives. One statement a line; XML behind a colon, on the line or indented below.
 *
 *     RFC 6121 section 2.1.3: a client gets its roster (I1)     the title, first line, with the row of the feature list
 *     settings:                                                 YAML for the server, indented below
 *     account romeo@localhost secret
 *     romeo@localhost and juliet@localhost are friends          each has a subscription to the other's presence
 *     romeo@localhost sees juliet@localhost                     only the first has one
 *     romeo connects [as romeo@localhost/orchard] [on c2s-tls]  logs in and binds; sends nothing more
 *     romeo logs in [as …]                                      the same, and binds nothing
 *     romeo is online [as …]                                    the same, then the roster and presence; what that brings is passed over
 *     romeo opens [to localhost] [on c2s-tls] [without ALPN]    a raw stream: the header is sent, and the server's has come
 *     romeo dials [on c2s-proxy]                                a connection, and nothing more
 *     romeo sends: <presence/>                                  XML, or any text
 *     romeo sends line: PROXY TCP4 …                            text and the end of the line
 *     romeo sends bytes: 16 03 01
 *     romeo receives: <presence from='romeo@localhost/orchard'/>
 *     romeo receives within 20s: …                              for what the server does after a while
 *     romeo receives in any order: …
 *     romeo receives exactly: …                                 no other attributes or children than these
 *     romeo is answered id [with: <query/>]                     an iq result
 *     romeo is refused id: cancel item-not-found                a stanza error
 *     romeo is cut off: policy-violation                        a stream error, and the connection is closed
 *     romeo is closed
 *     romeo was given a header: id='*' version='1.0'            the attributes of the server's stream header
 *     romeo is shown a [new] certificate of localhost
 *     romeo is quiet                                            nothing has come that was not expected
 *     romeo forgets                                             what has come so far is of no interest
 *     romeo passes over: <r xmlns='urn:xmpp:sm:3'/>             nor is whatever looks like this from now on
 *     romeo restarts [: <stream:stream …>] | starts tls | stops reading | ends | disconnects | breaks
 *     server restarts | stops | reloads [: settings] | removes romeo@localhost | renews localhost
 *
 * In what is received `*` stands for any value, `!` for an attribute that is not there, and as the text of an element that is
 * not there; `{name}` takes the value, and puts it in wherever it stands later. More words in braces, for text that is computed: `words.ts`.
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
    statements.push({
      line: first + 1,
      who,
      verb,
      text: isYaml(who) ? yaml(block) : block.map((part) => part.trim()).join(''),
    });
  }
  return { title, statements };
}

function isYaml(who: string): boolean {
  return who === 'settings' || who === 'server';
}

/** A block of settings keeps its lines, and its indentation but for the first level. */
function yaml(block: readonly string[]): string {
  return block
    .slice(1)
    .map((part) => part.slice(2))
    .join('\n');
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
