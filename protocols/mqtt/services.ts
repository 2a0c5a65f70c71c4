import type { Broker } from './broker.ts';
import type { Uplinks } from './uplink/uplinks.ts';

declare module '#src/plugin/contracts.ts' {
  interface Services {
    /** The MQTT broker of each host. */
    readonly mqtt: {
      broker(host: string): Broker | undefined;
      brokers(): Iterable<Broker>;
      readonly uplinks: Uplinks;
    };
  }
}
