import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import anyTest, { type TestFn } from 'ava';
import { ScriptServer } from '#test/scripts/server.ts';
import { element } from '#test/helpers/xml.ts';
import { auth, base64, plain, response, SASL2, scram } from './sasl-client.ts';

const test = anyTest as TestFn<{ readonly server: ScriptServer }>;
const HEADER =
  "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const BIND = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>";
const PING = "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>";

test.before(async (t) => {
  const server = new ScriptServer('hosts: { localhost: {} }');
  await server.start();
  await server.register('juliet@localhost', 'secret');
  t.context = { server };
});
test.after.always((t) => t.context.server.remove());

/** A client under TLS from the first byte. What the server sends is one long text. */
class Client implements Disposable {
  readonly socket: TLSSocket;
  #received = '';
  #wake: () => void = () => undefined;

  constructor(server: ScriptServer, maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3') {
    const port = server.port('c2s-tls');
    this.socket = connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false, maxVersion });
    this.socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString();
      this.#wake();
    });
  }

  /** The first match in what has come since the last one. */
  async receive(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.#received);
      if (match !== null) {
        this.#received = this.#received.slice(match.index + match[0].length);
        return match[0];
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

const bindings: readonly [type: string, version: 'TLSv1.2' | 'TLSv1.3', data: (socket: TLSSocket) => Buffer][] = [
  ['tls-exporter', 'TLSv1.3', (socket) => socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))],
  ['tls-server-end-point', 'TLSv1.3', endPoint],
  ['tls-server-end-point', 'TLSv1.2', endPoint],
];

/** RFC 5929 section 4.1, for certificates that are signed with SHA-256 as the one that the server makes is. */
function endPoint(socket: TLSSocket): Buffer {
  return createHash('sha256')
    .update(socket.getPeerX509Certificate()?.raw ?? '')
    .digest();
}

for (const [type, version, data] of bindings) {
  test(`both ends of a ${version} connection have the same ${type}`, async (t) => {
    using client = new Client(t.context.server, version);
    client.socket.write(HEADER);
    t.true(
      (await client.receive(/<stream:features>.*<\/stream:features>/)).includes(`<channel-binding type='${type}'/>`),
    );
    const login = scram({ plus: true, gs2: `p=${type},,`, bound: data(client.socket) });
    client.socket.write(auth(login.mechanism, login.first));
    const challenge = element(await client.receive(/<challenge.*<\/challenge>/));
    const { final, serverFinal } = login.final(challenge.getText());
    client.socket.write(response(base64(final)));
    t.is(element(await client.receive(/<(success|failure).*<\/\1>/)).getText(), base64(serverFinal));
  });
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`clients that know no other binding than tls-unique log in over ${version} (RFC 5802 section 6.1)`, async (t) => {
    using client = new Client(t.context.server, version);
    client.socket.write(HEADER);
    t.false((await client.receive(/<stream:features>.*<\/stream:features>/)).includes('tls-unique'));
    const bound = client.socket.getFinished() ?? Buffer.alloc(0);
    const login = scram({ plus: true, gs2: 'p=tls-unique,,', bound });
    client.socket.write(auth(login.mechanism, login.first));
    const challenge = element(await client.receive(/<challenge.*<\/challenge>/));
    const { final, serverFinal } = login.final(challenge.getText());
    client.socket.write(response(base64(final)));
    t.is(element(await client.receive(/<(success|failure).*<\/\1>/)).getText(), base64(serverFinal));
  });
}

test('what comes behind <auth/> in one write waits for the password to be derived', async (t) => {
  using client = new Client(t.context.server);
  client.socket.write(`${HEADER}${auth('PLAIN', plain())}${HEADER}${BIND}${PING}`);
  await client.receive(/<success/);
  await client.receive(/<stream:features><bind/);
  await client.receive(/<iq[^>]* id='b'[^>]*>.*juliet@localhost\/r</);
  t.regex(await client.receive(/<iq[^>]* id='p'[^>]*>/), /type='result'/);
});

test('login, binding and a request in one round trip (XEP-0388, XEP-0386)', async (t) => {
  using client = new Client(t.context.server);
  const inline = "<bind xmlns='urn:xmpp:bind:0'><tag>t</tag></bind>";
  const request = `<initial-response>${plain()}</initial-response>${inline}`;
  client.socket.write(`${HEADER}<authenticate xmlns='${SASL2}' mechanism='PLAIN'>${request}</authenticate>${PING}`);
  t.regex(await client.receive(/<success .*<\/success>/), /juliet@localhost\/t\/[\w-]{16}</);
  await client.receive(/<stream:features/);
  t.regex(await client.receive(/<iq[^>]* id='p'[^>]*>/), /type='result'/);
});

test('more than the limit before authentication ends the stream, however it is cut', async (t) => {
  using client = new Client(t.context.server);
  client.socket.write(HEADER);
  for (const part of [auth('PLAIN').slice(0, -'</auth>'.length), ...Array<string>(20).fill('A'.repeat(1024))])
    client.socket.write(part);
  t.regex(await client.receive(/<stream:error>.*<\/stream:error>/), /<policy-violation /);
});
