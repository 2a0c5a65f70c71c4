/** One device of an account, whatever it speaks: it sends texts, knows which of them the server has acknowledged, and tells what it gets. */
export const kinds = ['xmpp', 'mqtt', 'sip'] as const;
export type Kind = (typeof kinds)[number];

export interface EndOptions {
  readonly user: string;
  readonly password: string;
  readonly domain: string;
  readonly ports: Readonly<Record<Kind, number>>;
  /** Its session outlives its connections, where the protocol has such. */
  readonly durable: boolean;
  /** A text for it; each once, as far as the protocol tells copies. */
  readonly onText: (text: string) => void;
}

export interface End {
  readonly kind: Kind;
  /** Texts that were given to it and are not acknowledged. */
  readonly waiting: number;
  /** Connects, or connects again: what was not acknowledged is sent again. */
  connect(): Promise<void>;
  /** @param accepted the server is answerable for it now */
  send(to: string, text: string, accepted: () => void): void;
  /** Asks for acknowledgements that do not come by themselves. */
  ask(): void;
  /** The connection is gone without a word. */
  drop(): void;
  close(): Promise<void>;
}
