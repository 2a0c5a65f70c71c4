import type { Buffer } from 'node:buffer';
import type { Frame } from '#src/stanza/frame.ts';
import { parseFrame } from '#src/stanza/parse.ts';
import type { ClientStream } from '../links/client-stream.ts';
import { AUTHENTICATED, type StreamFeature, qualified } from './feature.ts';
import { NS } from './namespaces.ts';
import { failure, type SaslFailure } from './sasl-failure.ts';
import { decodeSasl, type SaslProof } from './sasl-mechanism.ts';
import { mechanismsXml, requestedMechanism } from './sasl-mechanisms.ts';
import { admit, failLogin, SaslNegotiation, type SaslProfile } from './sasl-negotiation.ts';

const profile: SaslProfile = {
  xmlns: NS.sasl,

  /** Section 6.4.6: the client begins a new stream on the same connection. */
  succeed(stream: ClientStream, proof: SaslProof, { mechanism }: SaslNegotiation): void {
    const { data } = proof;
    admit(stream, proof, mechanism);
    const text = data === undefined ? '' : data.toString('base64') || '=';
    stream.write(text === '' ? `<success xmlns='${NS.sasl}'/>` : `<success xmlns='${NS.sasl}'>${text}</success>`);
    stream.transport.restart();
  },
};

/** SASL negotiation: RFC 6120 section 6. */
export const sasl: StreamFeature = {
  name: 'sasl',
  requires: 0,
  forbids: AUTHENTICATED,
  elements: [qualified(NS.sasl, 'auth'), qualified(NS.sasl, 'response'), qualified(NS.sasl, 'abort')],

  offer(stream: ClientStream): string | undefined {
    const mechanisms = mechanismsXml(stream);
    return mechanisms === '' ? undefined : `<mechanisms xmlns='${NS.sasl}'>${mechanisms}</mechanisms>`;
  },

  handle(stream: ClientStream, frame: Frame): void {
    const { exchange } = stream;
    if (exchange instanceof SaslNegotiation && exchange.profile !== profile) {
      return stream.fail('policy-violation', 'another authentication is in progress');
    }
    if (frame.name === 'auth') return begin(stream, frame);
    if (frame.name === 'abort') return failLogin(stream, profile, failure('aborted'));
    respond(stream, frame);
  },
};

/** Section 6.4.2. A second `<auth/>` discards the handshake that was going on. */
function begin(stream: ClientStream, frame: Frame): void {
  stream.exchange = undefined;
  const name = frame.attributes.get('mechanism');
  const mechanism = requestedMechanism(stream, name);
  if ('condition' in mechanism) return failLogin(stream, profile, mechanism, name);
  const text = textOf(frame);
  const initial = text === '' ? undefined : dataOf(text);
  if (initial !== undefined && 'condition' in initial) return failLogin(stream, profile, initial, name);
  const exchange = mechanism.begin(stream);
  if ('condition' in exchange) return failLogin(stream, profile, exchange, name);
  new SaslNegotiation(stream, profile, mechanism.name, exchange).begin(initial);
}

/** Section 6.4.3. */
function respond(stream: ClientStream, frame: Frame): void {
  const { exchange } = stream;
  if (!(exchange instanceof SaslNegotiation)) {
    return failLogin(stream, profile, failure('malformed-request', 'a response to no challenge'));
  }
  const data = dataOf(textOf(frame));
  if ('condition' in data) return exchange.fail(data);
  exchange.take(data);
}

/** The character data; undefined when there is an element, which no SASL message has (Appendix A.4). */
function textOf(frame: Frame): string | undefined {
  const { children } = parseFrame(frame);
  return children.every((child) => typeof child === 'string') ? children.join('') : undefined;
}

/** Section 6.4.2: "=" stands for data of no length. */
function dataOf(text: string | undefined): Buffer | SaslFailure {
  if (text === undefined) return failure('malformed-request', 'elements where base64 was expected');
  return decodeSasl(text === '=' ? '' : text) ?? failure('incorrect-encoding');
}
