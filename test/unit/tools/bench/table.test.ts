import test from 'ava';
import { formatNumber, formatTable } from '#tools/bench/table.ts';

test('numbers print with three digits, or whole with thousands', (t) => {
  t.is(formatNumber(9.0499), '9.05');
  t.is(formatNumber(72.84), '72.8');
  t.is(formatNumber(22807.3), '22,807');
  t.is(formatNumber(Number.NaN), '-');
});

test('columns of numbers are set right, of text left', (t) => {
  const table = formatTable(
    ['server', 'CPU'],
    [
      ['ejabberd', 105],
      ['x', undefined],
    ],
  );
  t.is(table, ['server    CPU', '--------  ---', 'ejabberd  105', 'x           -'].join('\n'));
});
