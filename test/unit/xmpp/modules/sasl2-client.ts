/** A client's side of XEP-0388 in tests. */
import type { Element } from 'ltx';
import { element } from '#test/helpers/xml.ts';
import { TestXmpp, type TestStream, type TransportOptions } from '#test/helpers/xmpp.ts';
import { base64, open, remote, SASL2, scram, type ScramLogin } from '#test/unit/xmpp/stream/sasl-client.ts';
import { bind2 } from '#protocols/xmpp/modules/xep0386-bind2.ts';
import { sasl2 } from '#protocols/xmpp/modules/xep0388-sasl2.ts';
import { fast } from '#protocols/xmpp/modules/xep0484-fast.ts';

export const AGENT = 'd4565fa7-4d72-4749-b3d3-740edbf87770';
export const OTHER_AGENT = '8ac25b08-f4fa-4b2c-b9a8-7e6c19e5fdd4';

/** A server that speaks SASL2, Bind 2 and FAST. */
export async function sasl2Server(settings = ''): Promise<TestXmpp> {
  const server = await TestXmpp.open({ accounts: ['juliet@capulet.lit', 'romeo@capulet.lit'], settings });
  for (const module of [sasl2, bind2, fast]) server.start(module);
  return server;
}

export interface Sasl2Login extends ScramLogin {
  /** The `id` of the user agent; none when it is ''. */
  readonly agent?: string;
  /** What stands behind the user agent in `<authenticate/>`. */
  readonly inline?: string;
}

export const authenticate = (mechanism: string, text: string, inline = '', agent = AGENT): string => {
  const client = agent === '' ? '' : `<user-agent id='${agent}'><software>test</software></user-agent>`;
  const data = `<initial-response>${text}</initial-response>`;
  return `<authenticate xmlns='${SASL2}' mechanism='${mechanism}'>${data}${client}${inline}</authenticate>`;
};

export interface LoggedIn {
  readonly stream: TestStream;
  /** `<success/>`, `<failure/>` or a stream error. */
  readonly answer: Element;
  /** What the server wrote behind it. */
  readonly more: readonly string[];
}

/** Logs in with SCRAM on a new stream, and waits for the answer. */
export async function login(
  server: TestXmpp,
  options: Sasl2Login = {},
  connection: TransportOptions = remote,
): Promise<LoggedIn> {
  const { stream } = open(server, connection);
  const { final, first, mechanism } = scram(options);
  stream.send(authenticate(mechanism, first, options.inline, options.agent));
  const challenge = element(await stream.transport.next((xml) => xml.startsWith('<challenge')));
  stream.send(`<response xmlns='${SASL2}'>${base64(final(challenge.getText()).final)}</response>`);
  return finish(server, stream);
}

/** What the server answers in the end. */
export async function finish(server: TestXmpp, stream: TestStream): Promise<LoggedIn> {
  const answer = element(await stream.transport.next((xml) => /^<(success|failure|stream:error)/.test(xml)));
  await server.core.settled();
  return { stream, answer, more: stream.transport.take() };
}

export const identifier = ({ answer }: LoggedIn): string | null | undefined =>
  answer.getChildText('authorization-identifier');
export const condition = ({ answer }: LoggedIn): string | undefined =>
  answer.getName() === 'success' ? undefined : answer.getChildElements()[0]?.getName();
