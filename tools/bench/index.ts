import yargs from 'yargs';
import { runXmpp, xmppOptions } from '#tools/bench/xmpp/command.ts';

await yargs(process.argv.slice(2))
  .scriptName('npm run bench --')
  .usage('$0 <protocol> [options]')
  .command('xmpp', 'client connections: chat, logins, memory of idle users', xmppOptions, async (options) => {
    process.exitCode = await runXmpp(options);
  })
  .demandCommand(1)
  .strict()
  .help()
  .version(false)
  .parseAsync();
