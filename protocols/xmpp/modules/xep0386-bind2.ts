/** XEP-0386: Bind 2, version 1.1.0, Draft. A resource and the features of a session in the same step as the authentication. */
import { createHmac, randomBytes } from 'node:crypto';
import type { Element } from 'ltx';
import type { Jid } from '#src/address/jid.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import { refuse } from '#src/stanza/conditions.ts';
import { ClientSession } from '../links/client-session.ts';
import type { XmppServer } from '../server.ts';
import { bindResource } from '../stream/bind.ts';
import type { Inlined, InlineFeature, Sasl2Request } from '../stream/inline.ts';
import { NS } from '../stream/namespaces.ts';

export const bind2 = defineModule({
  name: 'bind2',
  description: 'Resource binding inside the login.',
  specs: [
    {
      document: 'XEP-0386',
      version: '1.1.0',
      title: 'Bind 2',
      status: 'partial',
      note: 'no archive metadata; offline messages are kept for the first presence, as there is no archive to have them',
    },
  ],
  needs: ['streams'],
  start(scope, { streams }) {
    const { bindInline, inline, server } = streams(scope.host);
    const secret = server.key.derive('bind2-resource');
    const feature: InlineFeature = {
      name: 'bind2',
      stage: 'bind',
      offer() {
        const features = bindInline.names.map((name) => `<feature var='${name}'/>`).join('');
        return features === ''
          ? `<bind xmlns='${NS.bind2}'/>`
          : `<bind xmlns='${NS.bind2}'><inline>${features}</inline></bind>`;
      },
      apply: (request) => bind(request, secret),
    };
    scope.own(inline.add(feature));
  },
});

/** Section 4. A session that cannot be had ends the stream: `<success/>` has no word for it. */
function bind(request: Sasl2Request, secret: Buffer): Inlined | undefined {
  const { account, agent, element, stream } = request;
  const wanted = element.getChild('bind', NS.bind2);
  const { host } = stream;
  if (wanted === undefined || host === undefined) return undefined;
  if (agent !== undefined) replace(stream.server, account, agent);
  const session = bindResource(stream, resourceOf(account, agent, wanted, secret));
  if (!(session instanceof ClientSession)) {
    const condition = session.condition === 'conflict' ? 'conflict' : 'resource-constraint';
    stream.fail(condition, session.text);
    return undefined;
  }
  session.agent = agent;
  const results = host.bindInline.apply(session, wanted);
  const xml = results.map((result) => result.xml).join('');
  const waits = results.flatMap(({ stored }) => stored ?? []);
  return {
    xml: xml === '' ? `<bound xmlns='${NS.bind2}'/>` : `<bound xmlns='${NS.bind2}'>${xml}</bound>`,
    stored: waits.length === 0 ? undefined : Promise.all(waits),
    written: () => {
      for (const result of results) result.written?.();
    },
  };
}

/** "the server SHOULD terminate any earlier sessions from the same client": it has come back without them. */
function replace({ registry }: XmppServer, account: Jid, agent: string): void {
  for (const session of registry.of(account.bare)) {
    if (session instanceof ClientSession && session.agent === agent) {
      session.close(refuse('conflict', 'replaced by a new session of the same client'));
    }
  }
}

/** Twelve bytes: as hard to guess as a random resource. */
const RESOURCE_BYTES = 12;

/**
 * `tag/identifier`, or the identifier alone where the tag is no part of a resource (RFC 7622 section 3.4). The identifier is the same
 * for a client whenever it binds, and does not show the id of its user agent.
 */
function resourceOf(account: Jid, agent: string | undefined, wanted: Element, secret: Buffer): string {
  const bytes =
    agent === undefined
      ? randomBytes(RESOURCE_BYTES)
      : createHmac('sha256', secret).update(`${account.bare}\0${agent}`).digest().subarray(0, RESOURCE_BYTES);
  const identifier = bytes.toString('base64url');
  const tag = wanted.getChildText('tag', NS.bind2) ?? '';
  const tagged = `${tag}/${identifier}`;
  return tag === '' || account.withResource(tagged) === undefined ? identifier : tagged;
}
