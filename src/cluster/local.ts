import type { Bus } from './bus.ts';

/** The bus of a server that is one process: there is no elsewhere. */
export class LocalBus implements Bus {
  forward(): boolean {
    return false;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
