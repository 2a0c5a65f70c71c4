import type { Element } from 'ltx';
import { attributeOf } from '#src/stanza/attributes.ts';

/** Values that `{name}` took. */
export type Names = Map<string, string>;

/** Why an element is not the expected one; undefined when it is. `exactly` allows no attributes and children beside those expected. */
export function mismatch(expected: Element, actual: Element, names: Names, exactly: boolean): string | undefined {
  const trial = new Map(names);
  const problem = compare(expected, actual, trial, exactly, '');
  if (problem === undefined) for (const [name, value] of trial) names.set(name, value);
  return problem;
}

function compare(expected: Element, actual: Element, names: Names, exactly: boolean, path: string): string | undefined {
  const here = `${path}/${expected.getName()}`;
  if (expected.getName() !== actual.getName()) return `${here}: is ${actual.getName()}`;
  if (expected.getNS() !== actual.getNS()) return `${here}: is in ${String(actual.getNS())}`;
  for (const [name, value] of Object.entries(expected.attrs)) {
    if (name === 'xmlns' || name.startsWith('xmlns:')) continue;
    const found = attributeOf(actual, name);
    if (value === '!') {
      if (found !== undefined) return `${here}: has ${name}='${found}'`;
    } else if (!matches(String(value), found, names)) {
      return `${here}: ${name} is ${found === undefined ? 'absent' : `'${found}'`}, not '${String(value)}'`;
    }
  }
  if (exactly) {
    const extra = Object.keys(actual.attrs).find(
      (name) => !name.startsWith('xmlns') && expected.attrs[name] === undefined,
    );
    if (extra !== undefined) return `${here}: has an attribute ${extra}`;
    const [one, other] = [actual.getChildElements(), expected.getChildElements()];
    if (one.length !== other.length) return `${here}: has ${one.length} children: ${one.join('')}`;
    if (expected.getText().trim() === '' && actual.getText().trim() !== '')
      return `${here}: says '${actual.getText()}'`;
  }
  return compareText(expected, actual, names, here) ?? compareChildren(expected, actual, names, exactly, here);
}

function compareText(expected: Element, actual: Element, names: Names, here: string): string | undefined {
  const text = expected.getText().trim();
  if (text === '' || matches(text, actual.getText(), names)) return undefined;
  return `${here}: says '${actual.getText()}', not '${text}'`;
}

/** Each expected child is one of the actual ones, none of them twice. */
function compareChildren(
  expected: Element,
  actual: Element,
  names: Names,
  exactly: boolean,
  here: string,
): string | undefined {
  const left = [...actual.getChildElements()];
  for (const child of expected.getChildElements()) {
    if (child.getText() === '!') {
      if (left.some((other) => other.is(child.getName(), child.getNS()))) return `${here}: has a ${child.getName()}`;
      continue;
    }
    let reason = `${here}: has no ${child.getName()}`;
    const at = left.findIndex((candidate) => {
      const trial = new Map(names);
      const problem = compare(child, candidate, trial, exactly, here);
      if (problem === undefined) for (const [name, value] of trial) names.set(name, value);
      else if (candidate.getName() === child.getName()) reason = problem;
      return problem === undefined;
    });
    if (at < 0) return reason;
    left.splice(at, 1);
  }
  return undefined;
}

function matches(expected: string, found: string | undefined, names: Names): boolean {
  if (found === undefined) return false;
  if (expected === '*') return true;
  const name = /^\{(\w+)\}$/.exec(expected)?.[1];
  if (name === undefined) return substitute(expected, names) === found;
  const known = names.get(name);
  if (known === undefined) names.set(name, found);
  return known === undefined || known === found;
}

function substitute(text: string, names: Names): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => names.get(name) ?? whole);
}
