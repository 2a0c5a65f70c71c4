import yargs from 'yargs';
import { bridgeOptions, runBridge } from '#tools/bench/bridge/command.ts';
import { mqttOptions, runMqtt } from '#tools/bench/mqtt/command.ts';
import { proxy65Options, runProxy65 } from '#tools/bench/proxy65/command.ts';
import { runSip, sipOptions } from '#tools/bench/sip/command.ts';
import { runTurn, turnOptions } from '#tools/bench/turn/command.ts';
import { runXmpp, xmppOptions } from '#tools/bench/xmpp/command.ts';

/** The exit code of a bench; an error is told in one line. */
async function exitCode(run: Promise<number>): Promise<void> {
  try {
    process.exitCode = await run;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

await yargs(process.argv.slice(2))
  .scriptName('npm run bench --')
  .usage('$0 <protocol> [options]')
  .command('xmpp', 'client connections: chat, logins, memory of idle users', xmppOptions, (options) =>
    exitCode(runXmpp(options)),
  )
  .command(
    'mqtt',
    'brokers: pairs, fans, wildcard filters, durable sessions, memory of idle clients',
    mqttOptions,
    (options) => exitCode(runMqtt(options)),
  )
  .command('proxy65', 'proxies for SOCKS5 bytestreams: files between clients', proxy65Options, (options) =>
    exitCode(runProxy65(options)),
  )
  .command('sip', 'registrars and proxies: registrations with digest, messages, calls', sipOptions, (options) =>
    exitCode(runSip(options)),
  )
  .command('turn', 'relays: datagrams through allocations, beside coturn', turnOptions, (options) =>
    exitCode(runTurn(options)),
  )
  .command('bridge', 'from each protocol to each: latency and CPU time of a message', bridgeOptions, (options) =>
    exitCode(runBridge(options)),
  )
  .demandCommand(1)
  .strict()
  .help()
  .version(false)
  .parseAsync();
