import type { TurnServer } from './server.ts';

declare module '#src/plugin/contracts.ts' {
  interface Services {
    /** The relay: its sessions, and credentials for it (`turn.credentials.mint`). */
    readonly turn: TurnServer;
  }
}
