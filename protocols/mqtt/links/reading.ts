import { Buffer } from 'node:buffer';
import type { Lender } from '../packet/framer.ts';
import { Decoder, type DecoderHandler, type DecoderLimits } from '../packet/decoder.ts';

/** What reading can stop and start. */
export interface Source {
  pause(): void;
  resume(): void;
}

/** A decoder that can be held: what has come meanwhile is read when it is let go, in order. */
export class Reading {
  readonly #decoder: Decoder;
  readonly #source: Source;
  #held = false;
  #waiting: Buffer | undefined = undefined;

  constructor(source: Source, handler: DecoderHandler, limits: DecoderLimits) {
    this.#source = source;
    this.#decoder = new Decoder(handler, limits);
  }

  get held(): boolean {
    return this.#held;
  }

  set lender(lender: Lender) {
    this.#decoder.lender = lender;
  }

  set limits(limits: DecoderLimits) {
    this.#decoder.limits = limits;
  }

  push(chunk: Buffer): void {
    if (this.#held) this.#waiting = this.#waiting === undefined ? chunk : Buffer.concat([this.#waiting, chunk]);
    else this.#decoder.push(chunk);
  }

  hold(): void {
    if (this.#held) return;
    this.#held = true;
    this.#decoder.stop();
    this.#source.pause();
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    const rest = this.#decoder.rest();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#decoder.resume();
    if (rest.length > 0) this.push(rest);
    if (waiting !== undefined) this.push(waiting);
    if (!this.#held) this.#source.resume();
  }
}
