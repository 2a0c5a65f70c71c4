import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Abandoned, Checks } from './checks.ts';
import { goSendxmpp } from './go-sendxmpp.ts';
import { chromium } from './mqtt/chromium.ts';
import { mosquittoClients } from './mqtt/mosquitto-clients.ts';
import { mqttJs } from './mqtt/mqtt-js.ts';
import { paho } from './mqtt/paho.ts';
import { uplink } from './mqtt/uplink.ts';
import { openssl } from './openssl.ts';
import { profanity } from './profanity.ts';
import { type Server, type ServerName, startServer } from './server.ts';
import { proxy65 } from './proxy65.ts';
import { converse } from './bridges/converse.ts';
import { threeRoads } from './bridges/three-roads.ts';
import { baresip } from './sip/baresip.ts';
import { media } from './sip/media.ts';
import { sipp } from './sip/sipp.ts';
import { linphone } from './sip/linphone.ts';
import { webrtc } from './sip/webrtc.ts';
import { chromiumRelay } from './turn/chromium.ts';
import { coturn } from './turn/coturn.ts';
import { werift } from './turn/werift.ts';
import { slixmpp } from './slixmpp.ts';
import { stanza } from './stanza.ts';
import type { Transcript } from './transcript.ts';
import { xmppClient } from './xmpp-client.ts';

// Real clients against the server as an operator starts it: one line a check and, last, "N passed, N failed".
//   --only NAME     this transcript alone; may be given again
//   --server NAME   trivium, or prosody or mosquitto to see whether it is the transcript that is wrong
//   --keep          leave the directory with the server's and the clients' files

const transcripts: readonly Transcript[] = [
  openssl,
  goSendxmpp,
  slixmpp,
  proxy65,
  profanity,
  xmppClient,
  stanza,
  mosquittoClients,
  mqttJs,
  paho,
  chromium,
  uplink,
  sipp,
  baresip,
  media,
  linphone,
  webrtc,
  coturn,
  werift,
  chromiumRelay,
  threeRoads,
  ...(process.env['CONVERSE_JS'] === undefined ? [] : [converse]),
];

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    server: { type: 'string', default: 'trivium' },
    keep: { type: 'boolean', default: false },
  },
});

async function play(transcript: Transcript, server: Server, directory: string): Promise<Checks> {
  const checks = new Checks(transcript.name);
  const missing = transcript.missing();
  if (missing !== undefined) {
    checks.tell('can run', false, missing);
    return checks;
  }
  mkdirSync(directory);
  try {
    await transcript.play({ server, directory, checks });
  } catch (error) {
    if (!(error instanceof Abandoned))
      checks.tell('ends', false, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  checks.tell('leaves the server running', server.alive(), server.output());
  return checks;
}

async function main(): Promise<boolean> {
  const chosen =
    options.only.length === 0 ? transcripts : transcripts.filter(({ name }) => options.only.includes(name));
  if (chosen.length === 0)
    throw new Error(`there is no such transcript; there are ${transcripts.map(({ name }) => name).join(', ')}`);
  const directory = mkdtempSync(join(tmpdir(), 'trivium-interop-'));
  let failed = 0;
  let passed = 0;
  try {
    mkdirSync(join(directory, 'server'));
    const server = await startServer(options.server as ServerName, join(directory, 'server'));
    for (const transcript of chosen.filter(({ protocol }) => server.speaks.includes(protocol))) {
      const checks = await play(transcript, server, join(directory, transcript.name));
      passed += checks.passed;
      failed += checks.failed;
    }
    await server.stop();
    if (failed > 0) console.log(`last output of ${server.name}:\n${server.output()}`);
  } finally {
    if (options.keep) console.log(`kept: ${directory}`);
    else rmSync(directory, { recursive: true, force: true });
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = (await main()) ? 0 : 1;
