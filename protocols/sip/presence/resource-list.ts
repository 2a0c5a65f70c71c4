/** RFC 4662: the presence of a list of contacts in one document, `multipart/related` of RLMI and a part for each contact. */
import { Buffer } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';
import { escapeAttribute, escapeText } from '#src/stanza/serialise.ts';
import type { Body } from '../message/message.ts';
import { MULTIPART, PIDF, RLMI } from './packages.ts';

export interface ListedResource {
  readonly uri: string;
  /** As the owner of the list calls it; '' for no name. */
  readonly name: string;
  /** Section 5.5; undefined for a resource of which nothing is known here. */
  readonly state: 'active' | 'pending' | undefined;
  readonly document: Buffer | undefined;
}

/** @param version from 0, one more for each document of a subscription (section 5.2) @param domain for Content-ID */
export function writeResourceList(
  uri: string,
  version: number,
  domain: string,
  resources: readonly ListedResource[],
): Body {
  const boundary = randomBytes(12).toString('hex');
  const entries: string[] = [];
  const parts: Buffer[] = [];
  for (const { document, name, state, uri: resource } of resources) {
    const id = createHash('sha256').update(resource).digest('hex').slice(0, 12);
    const cid = `${id}.${version}@${domain}`;
    const part = state === undefined ? undefined : document;
    const instance =
      state === undefined
        ? ''
        : `<instance id='${id}' state='${state}'${part === undefined ? '' : ` cid='${escapeAttribute(cid)}'`}/>`;
    const title = name === '' ? '' : `<name>${escapeText(name)}</name>`;
    entries.push(`<resource uri='${escapeAttribute(resource)}'>${title}${instance}</resource>`);
    if (part !== undefined) parts.push(head(boundary, cid, PIDF), part);
  }
  const list =
    `<?xml version='1.0' encoding='UTF-8'?><list xmlns='urn:ietf:params:xml:ns:rlmi' uri='${escapeAttribute(uri)}' ` +
    `version='${version}' fullState='true'>${entries.join('')}</list>`;
  const root = `list.${version}@${domain}`;
  const bytes = Buffer.concat([
    head(boundary, root, RLMI).subarray(2),
    Buffer.from(list),
    ...parts,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  return { type: `${MULTIPART};type="${RLMI}";start="<${root}>";boundary="${boundary}"`, bytes };
}

/** RFC 2046 section 5.1.1: the line break before a boundary belongs to it. */
function head(boundary: string, cid: string, type: string): Buffer {
  return Buffer.from(
    `\r\n--${boundary}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <${cid}>\r\nContent-Type: ${type};charset="UTF-8"\r\n\r\n`,
  );
}
