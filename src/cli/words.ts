/**
 * Arguments reach the commands as they were typed: yargs would take the quotes off a text, read `-` as nothing and a text that begins
 * with a dash as an option. So arguments are marked before it sees them, with a character that no argument of a process has.
 */
const MARK = '\0';
const OPTION = /^--?[a-z]/i;

/** Marks what follows the command's name and is no option, and everything behind `--`. @param valued options with a value, such as `--data` */
export function escaped(words: readonly string[], valued: ReadonlySet<string>): string[] {
  const end = words.indexOf('--');
  const before = end < 0 ? words : words.slice(0, end);
  const after = end < 0 ? [] : words.slice(end + 1);
  let named = false;
  const marked = before.map((word, index) => {
    const option = OPTION.test(word);
    if (option || valued.has(before[index - 1] ?? '')) return word;
    if (named) return `${MARK}${word}`;
    named = true;
    return word;
  });
  return [...marked, ...after.map((word) => `${MARK}${word}`)];
}

/** An argument, or a text that holds some, as it was typed. */
export function plain(text: string): string {
  return text.replaceAll(MARK, '');
}
