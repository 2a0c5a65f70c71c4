/** XEP-0388: Extensible SASL Profile, version 1.0.4, Draft. Authentication without a stream restart, with other steps inside it. */
import type { Buffer } from 'node:buffer';
import type { Element } from 'ltx';
import { attributeOf } from '#src/stanza/attributes.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import type { Frame } from '#src/stanza/frame.ts';
import { parseFrame } from '#src/stanza/parse.ts';
import { escapeText } from '#src/stanza/serialise.ts';
import type { ClientStream } from '../links/client-stream.ts';
import { AUTHENTICATED, type StreamFeature, qualified } from '../stream/feature.ts';
import type { Sasl2Request } from '../stream/inline.ts';
import { NS } from '../stream/namespaces.ts';
import { failure, type SaslFailure } from '../stream/sasl-failure.ts';
import { decodeSasl, type Sasl2Authenticate, type SaslExchange, type SaslProof } from '../stream/sasl-mechanism.ts';
import { mechanismsXml, requestedMechanism } from '../stream/sasl-mechanisms.ts';
import { admit, failLogin, SaslNegotiation, type SaslProfile } from '../stream/sasl-negotiation.ts';

export const sasl2 = defineModule({
  name: 'sasl2',
  description: 'Login, binding and resumption in one step.',
  specs: [
    {
      document: 'XEP-0388',
      version: '1.0.4',
      title: 'Extensible SASL Profile',
      status: 'partial',
      note: 'no tasks after the mechanism (<continue/>), since no second factor exists',
    },
  ],
  needs: ['streams'],
  start(scope, { streams }) {
    scope.own(streams(scope.host).features.add(feature));
  },
});

/** What an `<authenticate/>` asked for, kept while its mechanism runs. */
class Sasl2Profile implements SaslProfile {
  readonly xmlns = NS.sasl2;
  readonly request: Sasl2Authenticate;

  constructor(request: Sasl2Authenticate) {
    this.request = request;
  }

  /** "Success": the inline features are processed first, their results are in `<success/>`. */
  async succeed(stream: ClientStream, proof: SaslProof, { exchange, mechanism }: SaslNegotiation): Promise<void> {
    const inline = stream.host?.inline;
    if (inline === undefined) return;
    const { account, data } = proof;
    const request: Sasl2Request = { ...this.request, stream, account, mechanism, exchange };
    const early = await inline.early(request);
    if (stream.ended) return;
    admit(stream, proof, mechanism);
    const { results, resumed } = inline.establish(request);
    for (const { stored } of results) if (stored !== undefined) await stored;
    if (stream.ended) return;
    const all = [...results, ...early];
    const identifier = stream.session?.jid.full ?? account.bare;
    const additional = data === undefined ? '' : `<additional-data>${data.toString('base64')}</additional-data>`;
    const body = `${additional}<authorization-identifier>${escapeText(identifier)}</authorization-identifier>`;
    stream.write(`<success xmlns='${NS.sasl2}'>${body}${all.map(({ xml }) => xml).join('')}</success>`);
    // XEP-0198, "Inline Stream Resumption": a resumed stream goes on at once.
    if (!resumed) stream.sendFeatures();
    for (const result of all) result.written?.();
  }
}

/** Says what a failure before any mechanism runs belongs to. */
const idle: SaslProfile = {
  xmlns: NS.sasl2,
  succeed: () => undefined,
};

const feature: StreamFeature = {
  name: 'sasl2',
  requires: 0,
  forbids: AUTHENTICATED,
  elements: ['authenticate', 'response', 'abort'].map((name) => qualified(NS.sasl2, name)),

  offer(stream: ClientStream): string | undefined {
    const mechanisms = mechanismsXml(stream);
    if (mechanisms === '') return undefined;
    const offers = stream.host?.inline.offers(stream) ?? '';
    const inline = offers === '' ? '' : `<inline>${offers}</inline>`;
    return `<authentication xmlns='${NS.sasl2}'>${mechanisms}${inline}</authentication>`;
  },

  handle(stream: ClientStream, frame: Frame): void {
    const { exchange } = stream;
    const running = exchange instanceof SaslNegotiation ? exchange : undefined;
    // "Servers MUST disconnect Clients immediately if any other traffic is received."
    const foreign = running !== undefined && !(running.profile instanceof Sasl2Profile);
    if (foreign || (running !== undefined && frame.name === 'authenticate')) {
      return stream.fail('policy-violation', 'another authentication is in progress');
    }
    if (frame.name === 'authenticate') return begin(stream, parseFrame(frame));
    if (frame.name === 'abort') return failLogin(stream, idle, failure('aborted'));
    if (running === undefined)
      return failLogin(stream, idle, failure('malformed-request', 'a response to no challenge'));
    const data = dataOf(parseFrame(frame));
    if ('condition' in data) return running.fail(data);
    running.take(data);
  },
};

/** "Initiation". */
function begin(stream: ClientStream, element: Element): void {
  const name = attributeOf(element, 'mechanism');
  const fail = (refusal: SaslFailure): void => failLogin(stream, idle, refusal, name);
  const request = requestOf(element);
  if ('condition' in request) return fail(request);
  const exchange = beginMechanism(stream, name, request);
  if ('condition' in exchange) return fail(exchange);
  const response = element.getChild('initial-response', NS.sasl2);
  const initial = response === undefined ? undefined : dataOf(response);
  if (initial !== undefined && 'condition' in initial) return fail(initial);
  new SaslNegotiation(stream, new Sasl2Profile(request), name ?? '', exchange).begin(initial);
}

/** One of the mechanisms for passwords, or one that an inline feature announced. */
function beginMechanism(
  stream: ClientStream,
  name: string | undefined,
  request: Sasl2Authenticate,
): SaslExchange | SaslFailure {
  const own = name === undefined ? undefined : stream.host?.inline.mechanism(name);
  const mechanism = own === undefined || !stream.secureEnough ? requestedMechanism(stream, name) : own;
  if ('condition' in mechanism) return mechanism;
  return mechanism.offered(stream) ? mechanism.begin(stream, request) : failure('invalid-mechanism');
}

/** RFC 9562 section 5.4. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function requestOf(element: Element): Sasl2Authenticate | SaslFailure {
  const userAgent = element.getChild('user-agent', NS.sasl2);
  const id = userAgent === undefined ? undefined : attributeOf(userAgent, 'id');
  const agent = id?.toLowerCase();
  if (agent !== undefined && !UUID.test(agent))
    return failure('malformed-request', 'the id of a user agent is a UUID version 4');
  return { element, agent };
}

/** "Base 64 Encoding": white space around it is only advised against. */
function dataOf({ children }: Element): Buffer | SaslFailure {
  if (!children.every((child) => typeof child === 'string')) {
    return failure('malformed-request', 'elements where base64 was expected');
  }
  return decodeSasl(children.join('').trim()) ?? failure('incorrect-encoding');
}
