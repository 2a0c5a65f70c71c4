/** Clients that show a certificate: MQTT 5 section 5.4.3; RFC 8446 section 4.4.2. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import test from 'ava';
import { connectPacket, MqttTestClient, MqttTestServer, type ConnectOptions } from '#test/helpers/mqtt.ts';
import { selfSigned } from '#src/net/self-signed.ts';

const directory = mkdtempSync(join(tmpdir(), 'trivium-certificates-'));
const now = new Date();
const juliet = selfSigned('juliet', now);
const nurse = selfSigned('nurse@localhost', now);
const unknown = selfSigned('juliet', now);
const authorities = join(directory, 'authorities.pem');
writeFileSync(authorities, juliet.certificate + nurse.certificate);
test.after.always(() => rmSync(directory, { recursive: true }));

const settings = (mqtt: string): string =>
  `mqtt: ${mqtt}\ntls: { client_certificates: request, client_ca: "${authorities}" }\n`;

/** What CONNACK says to a client with that certificate, and who it is then. */
async function login(
  server: MqttTestServer,
  shown: { readonly certificate: string; readonly key: string } | undefined,
  options: ConnectOptions,
): Promise<readonly [reason: number | undefined, account: string | undefined]> {
  const { protocolVersion = 5 } = options;
  const own = shown === undefined ? {} : { cert: shown.certificate, key: shown.key };
  const at = { host: '127.0.0.1', port: server.port('mqtts'), servername: 'localhost', rejectUnauthorized: false };
  const socket = connect({ ...at, ...own });
  await once(socket, 'secureConnect');
  const client = new MqttTestClient(socket, protocolVersion);
  client.send(connectPacket({ clientId: 'c', ...options }));
  const connack = await client.expect('connack');
  const [session] = server.broker().sessions.named('c');
  const account = session?.account;
  client.break();
  return [connack.reasonCode ?? connack.returnCode, account];
}

test('the common name of a verified certificate is the account, and stands for the password', async (t) => {
  await using server = await MqttTestServer.start(settings('{}'));
  await server.register('juliet@localhost');
  t.deepEqual(await login(server, juliet, {}), [0, 'juliet']);
  t.deepEqual(await login(server, juliet, { protocolVersion: 4 }), [0, 'juliet']);
  t.deepEqual(await login(server, juliet, { username: 'juliet' }), [0, 'juliet']);
  t.deepEqual(await login(server, juliet, { username: 'juliet@localhost' }), [0, 'juliet']);
  // Neither for another name, nor where it is not signed by who is trusted, nor for an account that does not exist.
  t.deepEqual(await login(server, juliet, { username: 'romeo' }), [0x86, undefined]);
  t.deepEqual(await login(server, unknown, {}), [0x87, undefined]);
  t.deepEqual(await login(server, nurse, {}), [0x87, undefined]);
  t.deepEqual(await login(server, undefined, {}), [0x87, undefined]);
  await server.register('nurse@localhost');
  t.deepEqual(await login(server, nurse, {}), [0, 'nurse']);
  // A password still counts by itself, whatever certificate is shown.
  t.deepEqual(await login(server, nurse, { username: 'juliet', password: Buffer.from('secret') }), [0, 'juliet']);
  t.deepEqual(await login(server, nurse, { username: 'nurse', password: Buffer.from('wrong') }), [0x86, undefined]);
});

test('a certificate is nobody where the settings say so', async (t) => {
  await using server = await MqttTestServer.start(settings('{ certificate_user: off }'));
  await server.register('juliet@localhost');
  t.deepEqual(await login(server, juliet, {}), [0x87, undefined]);
  t.deepEqual(await login(server, juliet, { username: 'juliet' }), [0x86, undefined]);
  t.deepEqual(await login(server, juliet, { username: 'juliet', password: Buffer.from('secret') }), [0, 'juliet']);
});

test('where certificates are required nobody comes in without one', async (t) => {
  await using server = await MqttTestServer.start(settings('{}').replace('request', 'require'));
  await server.register('juliet@localhost');
  t.deepEqual(await login(server, juliet, {}), [0, 'juliet']);
  for (const shown of [undefined, unknown]) await t.throwsAsync(login(server, shown, {}));
});
