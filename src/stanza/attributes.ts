import type { Element } from 'ltx';

/** An attribute of an element as text; undefined when it is absent. The tree's own `attrs` are untyped. */
export function attributeOf(element: Element, name: string): string | undefined {
  const value: unknown = element.attrs[name];
  return typeof value === 'string' ? value : undefined;
}
