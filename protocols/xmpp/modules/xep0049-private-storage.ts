/** XEP-0049: Private XML Storage, version 1.2, Active. */
import { Buffer } from 'node:buffer';
import type { Element } from 'ltx';
import type { Documents } from '#src/im/documents.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import type { IqAnswer, IqRequest } from '#src/router/iq.ts';
import { refuse, type Refusal } from '#src/stanza/conditions.ts';
import { writeElement } from '#src/stanza/serialise.ts';

const PRIVATE = 'jabber:iq:private';
const NAME_BYTES = 1000;

export const privateStorage = defineModule({
  name: 'private_storage',
  description: 'Keeps XML that clients want to find again on other devices.',
  specs: [{ document: 'XEP-0049', version: '1.2', title: 'Private XML Storage', status: 'complete' }],
  needs: ['documents'],
  start(scope, { documents }) {
    scope.feature('both', PRIVATE);
    scope.iq('account', 'get', PRIVATE, 'query', (request) =>
      request.own ? get(request, documents) : refuse('forbidden'),
    );
    scope.iq('account', 'set', PRIVATE, 'query', (request) =>
      request.own ? set(request, documents) : refuse('forbidden'),
    );
  },
});

/** Section 2.3: one element names what is wanted; what was never stored is returned as it was asked for. */
function get({ payload, stanza, to }: IqRequest, documents: Documents): IqAnswer {
  const elements = payload.getChildElements();
  const [wanted] = elements;
  if (wanted === undefined) return refuse('not-acceptable', 'name what you want');
  if (elements.length > 1) return refuse('bad-request', 'one element at a time');
  const refusal = problemOf(wanted);
  if (refusal !== undefined) return refusal;
  const stored = documents.get(to, nameOf(wanted)) ?? writeElement(wanted, PRIVATE);
  return stanza.result(`<query xmlns='${PRIVATE}'>${stored}</query>`);
}

/** Section 2.3: several elements must share their namespace. All are stored, or none. */
function set({ payload, stanza, to }: IqRequest, documents: Documents): IqAnswer | Promise<IqAnswer> {
  const elements = payload.getChildElements();
  const [first] = elements;
  if (first === undefined) return refuse('not-acceptable', 'nothing to keep');
  const refusal = elements.map(problemOf).find((problem) => problem !== undefined);
  if (refusal !== undefined) return refusal;
  if (elements.some((element) => element.getNS() !== first.getNS()))
    return refuse('bad-request', 'one namespace at a time');
  const fresh = new Map(elements.map((element) => [nameOf(element), writeElement(element, PRIVATE)]));
  return documents.put(to, fresh) ?? documents.durable(stanza.result());
}

/** Sections 2.3 and 3: what is kept has a namespace of its own, other than those of the stream and of this protocol. */
function problemOf(element: Element): Refusal | undefined {
  const xmlns = element.getNS() ?? '';
  if (xmlns === '' || xmlns === PRIVATE || xmlns === 'jabber:client')
    return refuse('not-acceptable', 'a namespace is reserved or missing');
  return Buffer.byteLength(nameOf(element)) > NAME_BYTES ? refuse('not-acceptable', 'the name is too long') : undefined;
}

function nameOf(element: Element): string {
  return `{${element.getNS() ?? ''}}${element.getName()}`;
}
