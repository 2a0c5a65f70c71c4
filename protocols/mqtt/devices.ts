import { Jid } from '#src/address/jid.ts';
import type { Presence } from '#src/im/presence.ts';
import type { Timed, Timers } from '#src/net/timers.ts';
import type { Host } from '#src/router/host.ts';
import type { Registry } from '#src/session/registry.ts';
import { escapeText } from '#src/stanza/serialise.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import type { Broker } from './broker.ts';
import { Device } from './device.ts';
import type { Session } from './session.ts';

/** Behind every other resource: a thing never takes what is for a person (RFC 6121 section 4.7.2.3). */
const PRIORITY = '<priority>-1</priority>';
const MAX_STATUS = 1024;

/** A client whose connection has broken and that may be back before anybody has to know. */
class Absence implements Timed {
  readonly #devices: Devices;
  readonly device: Device;

  constructor(devices: Devices, device: Device) {
    this.#devices = devices;
    this.device = device;
  }

  onTimeout(): void {
    this.#devices.lost(this.device);
  }
}

/** The clients of a host as devices of their accounts: bound while their session stands, available while they are connected. */
export class Devices {
  readonly #broker: Broker;
  readonly #host: Host;
  readonly #registry: Registry;
  readonly #presence: Presence;
  readonly #timers: Timers;
  readonly #devices = new Map<Session, Device>();
  readonly #absences = new Map<Device, Absence>();

  constructor(broker: Broker, host: Host, registry: Registry, presence: Presence, timers: Timers) {
    this.#broker = broker;
    this.#host = host;
    this.#registry = registry;
    this.#presence = presence;
    this.#timers = timers;
  }

  of(session: Session): Device | undefined {
    return this.#devices.get(session);
  }

  /** The sessions that the last process left stand again; nobody is available yet. */
  restored(): void {
    for (const session of this.#broker.sessions) this.#bind(session);
  }

  /** @param status what the client says of itself */
  opened(session: Session, status: string): void {
    const device = this.#devices.get(session) ?? this.#bind(session);
    if (device === undefined) return;
    this.#cancel(device);
    device.status = status.slice(0, MAX_STATUS);
    if (this.#broker.options.presence !== 'none') this.#announce(device, '');
    this.eased(session);
  }

  #bind(session: Session): Device | undefined {
    if (session.account === '') return undefined;
    const jid = Jid.make(session.account, this.#broker.domain, session.clientId);
    // A device of another protocol holds the name: this one has its topics, and is no device of the account.
    if (jid === undefined || this.#registry.find(jid) !== undefined) return undefined;
    const device = new Device(jid, session, this.#broker.now);
    device.fallback = this.#broker.edge?.listens(session) ?? false;
    this.#devices.set(session, device);
    this.#host.bind(device);
    return device;
  }

  /**
   * The subscriptions of a session have changed. One that takes messages falls in where no other device does: a thing must not take them from
   * a person's client, but an account may have nothing else.
   */
  listens(session: Session): void {
    const device = this.#devices.get(session);
    if (device === undefined) return;
    const listened = device.fallback;
    device.fallback = this.#broker.edge?.listens(session) ?? false;
    if (device.fallback && !listened) this.#host.hooks.notice('session/eased').tell(device);
  }

  #announce(device: Device, show: string): void {
    const status = device.status === '' ? '' : `<status>${escapeText(device.status)}</status>`;
    this.#presence.send(device, Stanza.make('presence', { from: device.jid }, show, status, PRIORITY));
  }

  /**
   * The connection has ended.
   * @param delay seconds that a client has to come back before others hear that it is lost; undefined when it said good-bye
   */
  closed(session: Session, delay: number | undefined): void {
    const device = this.#devices.get(session);
    if (device?.presence === undefined) return;
    if (delay === undefined) return this.#leave(device, '');
    if (delay <= 0) return this.lost(device);
    const absence = new Absence(this, device);
    this.#absences.set(device, absence);
    this.#timers.add(absence, delay * 1000);
  }

  /** @internal */
  lost(device: Device): void {
    this.#cancel(device);
    if (device.presence !== undefined) this.#leave(device, 'connection lost');
  }

  #leave(device: Device, status: string): void {
    if (this.#broker.options.presence === 'always' && device.session.expiry > 0) {
      return this.#announce(device, '<show>xa</show>');
    }
    const child = status === '' ? '' : `<status>${status}</status>`;
    this.#presence.send(device, Stanza.make('presence', { from: device.jid, type: 'unavailable' }, child));
  }

  /** The session is no more. */
  forget(session: Session): void {
    const device = this.#devices.get(session);
    if (device === undefined) return;
    this.#devices.delete(session);
    this.#cancel(device);
    this.#host.unbind(device);
  }

  /** There is room again for what waits elsewhere. */
  eased(session: Session): void {
    const device = this.#devices.get(session);
    if (device?.behind === true && !device.crowded) this.#host.hooks.notice('session/eased').tell(device);
  }

  #cancel(device: Device): void {
    const absence = this.#absences.get(device);
    if (absence === undefined) return;
    this.#absences.delete(device);
    this.#timers.remove(absence);
  }
}
