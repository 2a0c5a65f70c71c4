import type { Checks } from './checks.ts';
import { DOMAIN, type Protocol, type Server } from './server.ts';

/** What a transcript works with. */
export interface Scene {
  readonly server: Server;
  /** Empty, and its own. */
  readonly directory: string;
  readonly checks: Checks;
}

/** A conversation of two accounts through one real client. */
export interface Transcript {
  readonly name: string;
  readonly protocol: Protocol;
  /** What is missing on this machine to run it, in words. */
  missing(): string | undefined;
  play(scene: Scene): Promise<void>;
}

export interface Account {
  readonly user: string;
  readonly jid: string;
  readonly password: string;
}

/** The account of a transcript; each has its own, so that they do not meet. */
export function account(transcript: string, name: string): Account {
  const user = `${name}-${transcript}`;
  return { user, jid: `${user}@${DOMAIN}`, password: `pass of ${name} <&> ü` };
}

/** Text that a careless writer of XML or UTF-8 gets wrong: markup, quotes, a CDATA end, a combining mark, characters beyond the BMP. */
export const DIFFICULT = '<b>&amp; "quotes" \'n\' ]]> été ø 日本 🙂👩‍🚀';
