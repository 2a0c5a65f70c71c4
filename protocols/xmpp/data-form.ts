import type { Element } from 'ltx';
import { escapeAttribute, escapeText } from '#src/stanza/serialise.ts';

const DATA = 'jabber:x:data';
const FORM_TYPE = 'FORM_TYPE';

/** A field (XEP-0004 section 3.2), except `FORM_TYPE`, which is the form's own. */
export interface FormField {
  readonly name: string;
  readonly values: readonly string[];
  /** `text-single`, `text-private`, `list-multi`, …; needed in forms to be filled in. */
  readonly type?: string;
  readonly label?: string;
  readonly required?: true;
}

/** A data form (XEP-0004), its purpose named as XEP-0068 does. */
export interface DataForm {
  readonly type: 'form' | 'submit' | 'cancel' | 'result';
  readonly formType: string;
  readonly title?: string;
  readonly instructions?: string;
  readonly fields: readonly FormField[];
}

export function writeForm({ fields, formType, instructions, title, type }: DataForm): string {
  const head = title === undefined ? '' : `<title>${escapeText(title)}</title>`;
  const about = instructions === undefined ? '' : `<instructions>${escapeText(instructions)}</instructions>`;
  const purpose = `<field var='${FORM_TYPE}' type='hidden'><value>${escapeText(formType)}</value></field>`;
  return `<x xmlns='${DATA}' type='${type}'>${head}${about}${purpose}${fields.map(writeField).join('')}</x>`;
}

function writeField({ label, name, required, type, values }: FormField): string {
  let start = `<field var='${escapeAttribute(name)}'`;
  if (type !== undefined) start += ` type='${type}'`;
  if (label !== undefined) start += ` label='${escapeAttribute(label)}'`;
  const inner = values.map((value) => `<value>${escapeText(value)}</value>`).join('');
  return `${start}>${required === true ? '<required/>' : ''}${inner}</field>`;
}

/** The form in a payload; undefined when there is none, or none of a known type. A form without FORM_TYPE has '' there. */
export function readForm(payload: Element): DataForm | undefined {
  const form = payload.getChild('x', DATA);
  const type: unknown = form?.attrs['type'];
  if (form === undefined || (type !== 'form' && type !== 'submit' && type !== 'cancel' && type !== 'result'))
    return undefined;
  const fields = form.getChildren('field', DATA).map(readField);
  const purpose = fields.find(({ name }) => name === FORM_TYPE);
  return { type, formType: purpose?.values[0] ?? '', fields: fields.filter((field) => field !== purpose) };
}

function readField(field: Element): FormField {
  const { type, var: name } = field.attrs as Readonly<Record<string, string | undefined>>;
  const values = field.getChildren('value', DATA).map((value) => value.getText());
  return { name: name ?? '', values, ...(type === undefined ? {} : { type }) };
}

/** The first value of a field. */
export function valueOf(form: DataForm, name: string): string | undefined {
  return form.fields.find((field) => field.name === name)?.values[0];
}
