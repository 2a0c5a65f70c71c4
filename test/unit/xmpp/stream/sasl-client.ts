/** A client's side of logins in tests: messages by hand, from RFC 5802, RFC 4616 and the Hashed Token draft. */
import { Buffer } from 'node:buffer';
import type { ScramHash } from '#src/accounts/verifiers.ts';
import type { TlsInfo } from '#src/net/connection.ts';
import { element } from '#test/helpers/xml.ts';
import type { TestStream, TestXmpp, TransportOptions } from '#test/helpers/xmpp.ts';
import { answer } from '#test/unit/accounts/scram-client.ts';
import { sasl } from '#protocols/xmpp/stream/sasl.ts';

export const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
export const SASL2 = 'urn:xmpp:sasl:2';
export const EXPORTER = Buffer.alloc(32, 0xee);
export const END_POINT = Buffer.alloc(32, 0xed);

export function tls(protocol = 'TLSv1.3', endPoint: Buffer | undefined = END_POINT): TlsInfo {
  return {
    protocol,
    cipher: 'TLS_AES_256_GCM_SHA384',
    alpn: undefined,
    serverName: undefined,
    peerCertificate: undefined,
    peerVerified: false,
    exportKeyingMaterial: (length, label, context) =>
      Buffer.alloc(length, label === 'EXPORTER-Channel-Binding' && context.length === 0 ? 0xee : 0),
    serverEndPoint: () => endPoint,
    firstFinished: () => undefined,
  };
}

/** A connection from elsewhere, under TLS. */
export const remote: TransportOptions = { ip: '192.0.2.7', loopback: false, tls: tls() };

export const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A stream whose host offers SASL; what the server wrote at its beginning is in `features`. */
export function open(xmpp: TestXmpp, options: TransportOptions = remote): { stream: TestStream; features: string } {
  const { features } = xmpp.host(options.host);
  if (features.named('sasl') === undefined) features.add(sasl);
  const stream = xmpp.stream(options);
  return { stream, features: stream.transport.take().at(-1) ?? '' };
}

export const auth = (mechanism: string, text = ''): string =>
  `<auth xmlns='${SASL}' mechanism='${mechanism}'>${text}</auth>`;
export const response = (text: string): string => `<response xmlns='${SASL}'>${text}</response>`;
export const failed = (condition: string, text?: string): string =>
  `<failure xmlns='${SASL}'><${condition}/>${text === undefined ? '' : `<text xml:lang='en'>${text}</text>`}</failure>`;

/** What a stream ends with. */
export const streamError = (condition: string, text: string): string =>
  `<stream:error xmlns:stream='http://etherx.jabber.org/streams'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>` +
  `<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>${text}</text></stream:error>`;

export const plain = (user = 'juliet', password = 'secret', authzid = ''): string =>
  base64(`${authzid}\0${user}\0${password}`);

/** The names in a list of mechanisms or types. */
export function mechanisms(features: string, feature = 'mechanisms'): readonly string[] {
  const list = element(features)
    .getChildElements()
    .find((child) => child.getName() === feature);
  return (
    list
      ?.getChildElements()
      .filter((child) => child.getName() === 'mechanism')
      .map((child) => child.getText()) ?? []
  );
}

export interface ScramLogin {
  readonly hash?: ScramHash;
  readonly plus?: boolean;
  readonly gs2?: string;
  readonly user?: string;
  readonly password?: string;
  readonly bound?: Buffer;
}

const NONCE = 'fyko+d2lbbFgONRv9qkxdawL';

/** The messages of a SCRAM login; `final` wants the text of the server's challenge. */
export function scram({
  hash = 'SHA-256',
  plus = false,
  gs2 = plus ? 'p=tls-exporter,,' : 'n,,',
  user = 'juliet',
  password = 'secret',
  bound,
}: ScramLogin) {
  const firstBare = `n=${user},r=${NONCE}`;
  const side = { hash, password, gs2Header: gs2, firstBare, ...(bound === undefined ? {} : { bound }) };
  return {
    mechanism: `SCRAM-${hash}${plus ? '-PLUS' : ''}`,
    first: base64(`${gs2}${firstBare}`),
    final: (challenge: string) => answer({ ...side, serverFirst: Buffer.from(challenge, 'base64').toString() }),
  };
}

/** Runs a SCRAM login; the last thing that the server wrote, and the server-final message that a right one has. */
export function loginScram(
  stream: TestStream,
  login: ScramLogin = {},
): { written: readonly string[]; serverFinal: string } {
  const { final, first, mechanism } = scram(login);
  stream.send(auth(mechanism, first));
  const written = stream.transport.take();
  const challenge = element(written.at(0) ?? '');
  if (challenge.getName() !== 'challenge') return { written, serverFinal: '' };
  const exchange = final(challenge.getText());
  stream.send(response(base64(exchange.final)));
  return { written: stream.transport.take(), serverFinal: base64(exchange.serverFinal) };
}
