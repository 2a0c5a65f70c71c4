import yargs from 'yargs';
import { runXmpp, xmppOptions } from '#tools/bench/xmpp/command.ts';

await yargs(process.argv.slice(2))
  .scriptName('npm run bench --')
  .usage('$0 <protocol> [options]')
  .command('xmpp', 'client connections: chat, logins, memory of idle users', xmppOptions, async (options) => {
    try {
      process.exitCode = await runXmpp(options);
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  })
  .demandCommand(1)
  .strict()
  .help()
  .version(false)
  .parseAsync();
