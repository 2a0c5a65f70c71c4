import type { Script } from './parse.ts';
import { ScriptServer } from './server.ts';
import { Stage } from './stage.ts';

/** Plays a script against a server of its own. @throws Error naming the line that failed, and what came instead */
export async function play(script: Script): Promise<void> {
  const settings = script.statements.find(({ who }) => who === 'settings')?.text ?? '';
  const server = new ScriptServer(settings);
  const stage = new Stage(server);
  try {
    await server.start();
    for (const statement of script.statements) {
      try {
        await stage.perform(statement);
      } catch (error) {
        const { line, verb, who } = statement;
        throw new Error(`line ${line}: ${who} ${verb}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
    }
  } finally {
    stage.close();
    await server.remove();
  }
}
