import test from 'ava';
import { maskedSettings, settingsText } from '#src/settings/print.ts';
import { declarations, settingsOf } from './fixture.ts';

const settings = settingsOf(`
gateway: { password: hunter2, title: Door }
hosts:
  a.example: { gateway: { password: hunter3 } }
  b.example:
`);

test('secrets are masked, for all and for one host; everything else is told', (t) => {
  const shown = maskedSettings(settings, declarations);
  t.like(shown, { gateway: { password: '********', title: 'Door', wait: 30_000 } });
  t.like(shown, { hosts: { 'a.example': { gateway: { password: '********', title: 'Door' } }, 'b.example': {} } });
  t.notRegex(JSON.stringify(shown), /hunter/);
});

test('as YAML', (t) => {
  const text = settingsText(settings, declarations);
  t.regex(text, /^gateway:\n {2}password: "\*{8}"$/m);
  t.regex(text, /^ {2}a\.example:$/m);
  t.notRegex(text, /hunter/);
});

test('a secret that is not set is shown as not set', (t) => {
  t.like(maskedSettings(settingsOf(''), declarations), { gateway: { title: 'Gateway' } });
  t.notRegex(settingsText(settingsOf(''), declarations), /\*{8}/);
});
