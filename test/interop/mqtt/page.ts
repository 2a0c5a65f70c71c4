// The script of the page that a browser opens: it plays the conversations that it is given.
import { Buffer } from 'node:buffer';
import mqtt from 'mqtt';
import { playPage } from '../page.ts';
import { Conversation, type Talk } from './conversation.ts';

/** A conversation and what to call its way. */
export interface PageScene {
  readonly way: string;
  readonly talk: Talk;
}

playPage(async (scenes, tell) => {
  Object.assign(globalThis, { Buffer });
  for (const { way, talk } of scenes as readonly PageScene[]) {
    await new Conversation(mqtt.connect, talk, (what, problem) => tell(`${way}: ${what}`, problem)).play();
  }
});
