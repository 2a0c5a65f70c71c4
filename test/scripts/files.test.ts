/** Files between clients through the server: in-band bytestreams (XEP-0047, XEP-0261), and Jingle that offers them (XEP-0234, XEP-0260). */
import { createHash, randomBytes } from 'node:crypto';
import test from 'ava';
import { ScriptClient } from './client.ts';
import { ScriptServer } from './server.ts';

const JULIET = 'juliet@localhost/x';
const ROMEO = 'romeo@localhost/x';
const IBB = 'http://jabber.org/protocol/ibb';

interface Scene extends AsyncDisposable {
  readonly server: ScriptServer;
  readonly juliet: ScriptClient;
  readonly romeo: ScriptClient;
}

/** Two friends who are online. */
async function scene(settings = ''): Promise<Scene> {
  const server = new ScriptServer(settings);
  await server.start();
  const login = async (user: string): Promise<ScriptClient> => {
    await server.register(`${user}@localhost`, 'secret');
    const client = await ScriptClient.dial(user, { port: server.port('c2s') });
    await client.authenticate(user, 'secret');
    await client.bind('x');
    client.passes = ({ name }) => name === 'presence';
    return client;
  };
  const juliet = await login('juliet');
  const romeo = await login('romeo');
  server.contact('juliet@localhost', 'romeo@localhost', 'both');
  server.contact('romeo@localhost', 'juliet@localhost', 'both');
  for (const client of [juliet, romeo]) {
    client.send('<presence/>');
    await client.settle();
  }
  return { server, juliet, romeo, [Symbol.asyncDispose]: () => server.remove() };
}

/** Sends a request from one to the other and its result back; gives the payload as it arrived. */
async function exchange(
  from: ScriptClient,
  to: ScriptClient,
  address: string,
  sender: string,
  payload: string,
): Promise<string> {
  from.send(`<iq type='set' id='i' to='${address}'>${payload}</iq>`);
  const request = await to.next();
  to.send(`<iq type='result' id='i' to='${sender}'/>`);
  const answer = await from.next();
  if (answer.attrs['type'] !== 'result') throw new Error(answer.toString());
  return request.getChildElements()[0]?.toString() ?? '';
}

test('XEP-0047: a file in blocks of 64 KB arrives as it was sent (J9)', async (t) => {
  await using all = await scene();
  const { juliet, romeo } = all;
  const file = randomBytes(1024 * 1024);
  await exchange(juliet, romeo, ROMEO, JULIET, `<open xmlns='${IBB}' block-size='65535' sid='s' stanza='iq'/>`);
  const blocks: Buffer[] = [];
  for (let seq = 0; seq * 65_535 < file.length; seq++) {
    const block = file.subarray(seq * 65_535, (seq + 1) * 65_535).toString('base64');
    const arrived = await exchange(
      juliet,
      romeo,
      ROMEO,
      JULIET,
      `<data xmlns='${IBB}' seq='${seq}' sid='s'>${block}</data>`,
    );
    blocks.push(Buffer.from(arrived.slice(arrived.indexOf('>') + 1, arrived.lastIndexOf('<')), 'base64'));
  }
  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  t.is(digest(Buffer.concat(blocks)), digest(file));
  await exchange(juliet, romeo, ROMEO, JULIET, `<close xmlns='${IBB}' sid='s'/>`);
});

test('XEP-0047 with messages: blocks that are not requests pass too (J9)', async (t) => {
  await using all = await scene();
  const { juliet, romeo } = all;
  for (let seq = 0; seq < 20; seq++) {
    juliet.send(
      `<message to='${ROMEO}'><data xmlns='${IBB}' seq='${seq}' sid='s'>${'QUJD'.repeat(4096)}</data></message>`,
    );
  }
  for (let seq = 0; seq < 20; seq++) t.is((await romeo.next()).getChild('data')?.attrs['seq'], String(seq));
});

test('a block over the size of a stanza ends the stream; one below passes (J9)', async (t) => {
  await using all = await scene('limits: { stanza_size: 40KB }');
  const { juliet, romeo } = all;
  await exchange(juliet, romeo, ROMEO, JULIET, `<data xmlns='${IBB}' seq='0' sid='s'>${'A'.repeat(32_768)}</data>`);
  juliet.send(
    `<iq type='set' id='big' to='${ROMEO}'><data xmlns='${IBB}' seq='1' sid='s'>${'A'.repeat(65_536)}</data></iq>`,
  );
  const error = await juliet.next();
  t.truthy(error.getChild('policy-violation'), error.toString());
  await juliet.closed();
  await romeo.settle();
});

test('blocks faster than the shaper arrive all the same, slowly (J9)', async (t) => {
  await using all = await scene('shapers: { normal: { rate: 200KB/s, burst: 20KB } }');
  const { juliet, romeo } = all;
  const block = 'A'.repeat(30_000);
  for (let seq = 0; seq < 4; seq++)
    juliet.send(`<message to='${ROMEO}'><data xmlns='${IBB}' seq='${seq}' sid='s'>${block}</data></message>`);
  for (let seq = 0; seq < 4; seq++) t.is((await romeo.next()).getChild('data')?.getText().length, block.length);
});

const HASHES = "<hash xmlns='urn:xmpp:hashes:2' algo='sha-1'>w0mcJylzCn+AfvuGdqkty2+KP48=</hash>";
const FILE = `<description xmlns='urn:xmpp:jingle:apps:file-transfer:5'><file><date>1969-07-21T02:56:15Z</date><media-type>text/plain</media-type><name>test &amp; more.txt</name><range/><size>6144</size>${HASHES}</file></description>`;
const S5B =
  "<transport xmlns='urn:xmpp:jingle:transports:s5b:1' dstaddr='972b7bf47291ca609517f67f86b5081086052dad' mode='tcp' sid='vj3hs98y'><candidate cid='hft54dqy' host='192.168.4.1' jid='juliet@localhost/x' port='5086' priority='8257636' type='direct'/></transport>";
const INBAND = "<transport xmlns='urn:xmpp:jingle:transports:ibb:1' block-size='4096' sid='ch3d9s71'/>";

for (const [document, transport] of [
  ['XEP-0260', S5B],
  ['XEP-0261', INBAND],
] as const) {
  test(`XEP-0234 over ${document}: the offer of a file arrives as it was made (J9)`, async (t) => {
    await using all = await scene();
    const { juliet, romeo } = all;
    const offer = `<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' initiator='${JULIET}' sid='851ba2'><content creator='initiator' name='a-file-offer' senders='initiator'>${FILE}${transport}</content></jingle>`;
    const plain = (xml: string): string => xml.replaceAll('"', "'").replaceAll(/ xmlns='jabber:client'/g, '');
    t.is(plain(await exchange(juliet, romeo, ROMEO, JULIET, offer)), offer);
    const accept = `<jingle xmlns='urn:xmpp:jingle:1' action='session-accept' responder='${ROMEO}' sid='851ba2'><content creator='initiator' name='a-file-offer'>${transport}</content></jingle>`;
    t.is(plain(await exchange(romeo, juliet, JULIET, ROMEO, accept)), accept);
  });
}
