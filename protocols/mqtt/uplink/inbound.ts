import type { Wait, Waiter } from '../durably.ts';
import { reasonCodes } from '../packet/reason-codes.ts';
import type { Acknowledgement, Message, Publish } from '../packet/types.ts';
import type { UplinkCounters } from './counters.ts';
import type { LocalBroker } from './local-broker.ts';
import type { Remap } from './remap.ts';
import type { UplinkState } from './state.ts';

export interface InboundParts {
  readonly broker: LocalBroker;
  readonly state: UplinkState;
  readonly counters: UplinkCounters;
  readonly remap: Remap;
  readonly durably: { wait(waiter: Waiter): Wait | undefined };
  /** Who publishes, as far as the broker is concerned. */
  readonly publisher: object;
}

/**
 * Messages from the other broker (MQTT 5 section 4.3), of one connection: published here once, acknowledged when that is durable, in
 * the order in which they came [MQTT-4.6.0-2].
 */
export class Inbound implements Waiter {
  readonly #parts: InboundParts;
  readonly #send: (packet: Acknowledgement) => void;
  readonly #answers: { readonly wait: Wait; readonly packet: Acknowledgement }[] = [];

  constructor(parts: InboundParts, send: (packet: Acknowledgement) => void) {
    this.#parts = parts;
    this.#send = send;
  }

  /** Answers that wait for the store. */
  get pending(): number {
    return this.#answers.length;
  }

  published(packet: Publish): void {
    const { counters, state } = this.#parts;
    const { packetId, qos } = packet;
    if (qos === 2 && state.received.has(packetId)) counters.repeated += 1;
    else {
      // Both in one group: neither without the other.
      if (qos === 2) state.setReceived(packetId, true);
      this.#publish(packet);
    }
    if (qos === 1) this.#answer({ type: 'puback', packetId, reason: reasonCodes.success });
    if (qos === 2) this.#answer({ type: 'pubrec', packetId, reason: reasonCodes.success });
  }

  /** PUBREL: the identifier is free again. PUBCOMP must wait for that, or a new message that uses it would be taken for the old one. */
  released({ packetId }: Acknowledgement): void {
    const { state } = this.#parts;
    const known = state.received.has(packetId);
    if (known) state.setReceived(packetId, false);
    const reason = known ? reasonCodes.success : reasonCodes.packetIdentifierNotFound;
    this.#answer({ type: 'pubcomp', packetId, reason });
  }

  #publish({ payload, properties, qos, retain, topic }: Publish): void {
    const { broker, counters, publisher, remap } = this.#parts;
    const mapped = remap.inward(topic);
    if (mapped === undefined) {
      counters.unasked += 1;
      return;
    }
    counters.received += 1;
    const message: Message = {
      topic: mapped.topic,
      payload,
      qos: qos < mapped.qos ? qos : mapped.qos,
      retain,
      properties,
    };
    broker.publish(message, publisher);
  }

  #answer(packet: Acknowledgement): void {
    const wait = this.#parts.durably.wait(this);
    if (wait === undefined) this.#send(packet);
    else this.#answers.push({ wait, packet });
  }

  onDurable(wait: Wait): void {
    while (this.#answers[0] !== undefined && this.#answers[0].wait <= wait) {
      const answer = this.#answers.shift();
      if (answer !== undefined) this.#send(answer.packet);
    }
  }
}
