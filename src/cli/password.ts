import { Buffer } from 'node:buffer';
import { type Argument, CommandError } from '#src/admin/commands.ts';

const LONGEST = 65_536;
const ENTER = new Set(['\r', '\n']);
const END = '\u0004';
const INTERRUPT = '\u0003';
const ERASE = new Set(['\u007f', '\b']);

/** Puts the standard input in the place of a secret that is given as `-`. @throws CommandError 400 when two ask for it */
export async function fillSecrets(declared: readonly Argument[], given: readonly string[]): Promise<readonly string[]> {
  const asked = given.flatMap((text, index) => (text === '-' && declared[index]?.secret === true ? [index] : []));
  const [index] = asked;
  if (index === undefined) return given;
  if (asked.length > 1) throw new CommandError(400, 'only one argument can come from the standard input');
  const { stdin } = process;
  return given.with(
    index,
    stdin.isTTY ? await typed(`${declared[index]?.name ?? 'password'}: `) : await firstLine(stdin),
  );
}

/** The first line of a pipe or a file. @throws CommandError 400 when it is too long */
export async function firstLine(input: AsyncIterable<Buffer | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk);
    const end = bytes.indexOf('\n');
    chunks.push(end < 0 ? bytes : bytes.subarray(0, end));
    size += bytes.length;
    if (end >= 0) break;
    if (size > LONGEST)
      throw new CommandError(400, `the standard input has more than ${LONGEST} bytes without a line's end`);
  }
  return Buffer.concat(chunks).toString().replace(/\r$/, '');
}

/** Reads a line from a terminal without showing it. @throws CommandError 400 when it was broken off */
async function typed(prompt: string): Promise<string> {
  const { stderr, stdin } = process;
  stderr.write(prompt);
  stdin.setRawMode(true);
  let text = '';
  try {
    for await (const chunk of stdin) {
      for (const character of String(chunk)) {
        if (ENTER.has(character) || character === END) return text;
        if (character === INTERRUPT) throw new CommandError(400, 'broken off');
        if (ERASE.has(character)) text = text.slice(0, -1);
        else text += character;
      }
    }
    return text;
  } finally {
    stdin.setRawMode(false);
    stderr.write('\n');
  }
}
