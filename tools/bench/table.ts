/** A cell: text is set left, numbers right; undefined prints as a dash. */
export type Cell = string | number | undefined;

/** Three significant digits below 100, whole numbers above, with thousands separated by commas. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toPrecision(3);
}

/** Plain text in columns: a header, a rule, the rows. A row that is empty prints as an empty line. */
export function formatTable(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? formatNumber(cell) : (cell ?? '-'))));
  const widths = header.map((title, i) => Math.max(title.length, ...texts.map((row) => row[i]?.length ?? 0)));
  const right = header.map((_, i) => rows.some((row) => typeof row[i] === 'number'));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (right[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [line(header), rule, ...texts.map(line)].join('\n');
}
