// The script of the page that a browser opens: it plays the conversations that the page's server gives it and tells each step back.
import { Buffer } from 'node:buffer';
import mqtt from 'mqtt';
import { Conversation, type Talk } from './conversation.ts';

/** A conversation and what to call its way. */
export interface PageScene {
  readonly way: string;
  readonly talk: Talk;
}

/** What the page tells: a step and its problem, or that it has ended. */
export interface Told {
  readonly what: string;
  readonly problem?: string;
  readonly ended?: boolean;
}

async function tell(told: Told): Promise<void> {
  await fetch('/told', { method: 'POST', body: JSON.stringify(told) });
}

async function main(): Promise<void> {
  Object.assign(globalThis, { Buffer });
  const scenes = (await (await fetch('/scenes')).json()) as readonly PageScene[];
  for (const { way, talk } of scenes) {
    const telling: Promise<void>[] = [];
    const conversation = new Conversation(mqtt.connect, talk, (what, problem) => {
      telling.push(tell({ what: `${way}: ${what}`, ...(problem === undefined ? {} : { problem }) }));
    });
    await conversation.play();
    await Promise.all(telling);
  }
}

main().then(
  () => tell({ what: 'ends', ended: true }),
  (error: unknown) => tell({ what: 'ends', ended: true, problem: String(error) }),
);
