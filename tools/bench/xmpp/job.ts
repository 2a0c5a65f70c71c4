import type { Endpoint } from '#tools/bench/result.ts';

interface Common {
  readonly endpoint: Endpoint;
}

/** Makes accounts `0 … count-1` by in-band registration (XEP-0077); those that exist stay. */
export interface RegisterJob extends Common {
  readonly kind: 'register';
  readonly count: number;
}

/** Pairs in conversation: A sends, B receives, `window` messages are on their way in each pair. */
export interface ChatJob extends Common {
  readonly kind: 'chat';
  readonly pairs: number;
  readonly window: number;
  readonly to: 'full' | 'bare';
  readonly sm: boolean;
  readonly warmup: number;
  readonly seconds: number;
}

/** Connect, authenticate, bind, close; `parallel` at a time over `accounts` accounts. */
export interface LoginJob extends Common {
  readonly kind: 'login';
  readonly accounts: number;
  readonly parallel: number;
  readonly warmup: number;
  readonly seconds: number;
}

/** `base` users come online, then `users` more: the memory that these add. */
export interface IdleJob extends Common {
  readonly kind: 'idle';
  readonly base: number;
  readonly users: number;
  readonly sm: boolean;
}

/** One user's presence to `contacts` subscribed contacts that are online, one change at a time. */
export interface FanoutJob extends Common {
  readonly kind: 'fanout';
  readonly contacts: number;
  readonly warmup: number;
  readonly seconds: number;
}

export type Job = RegisterJob | ChatJob | LoginJob | IdleJob | FanoutJob;
