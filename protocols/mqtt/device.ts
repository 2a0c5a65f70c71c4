import type { Jid } from '#src/address/jid.ts';
import { type Origin, Session as CoreSession } from '#src/session/session.ts';
import type { Refusal } from '#src/stanza/conditions.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { reasonCodes } from './packet/reason-codes.ts';
import { CROWD, type Session } from './session.ts';

/** An MQTT client as a device of its account: the client identifier is the resource. It stands as long as the MQTT session. */
export class Device extends CoreSession {
  readonly session: Session;
  /** What the client said of itself when it connected. */
  status = '';

  constructor(jid: Jid, session: Session, since: number) {
    super(jid, 'mqtt', since);
    this.session = session;
    this.carbons = true;
  }

  get origin(): Origin {
    const info = this.session.link?.info;
    return { connection: info?.label ?? 'mqtt', ip: info?.ip ?? '', port: info?.port ?? 0 };
  }

  override get crowded(): boolean {
    if (this.session.outgoing.waiting >= CROWD) this.session.crowded = true;
    return this.session.crowded;
  }

  deliver(stanza: Stanza): boolean {
    return this.session.broker.edge?.deliver(this.session, stanza) ?? false;
  }

  close(refusal?: Refusal): void {
    const { session } = this;
    // Its session stays, with what waits in it: only the client is sent away, and the name is free at once.
    session.link?.end(reasonCodes.administrativeAction, refusal?.text);
    session.broker.devices?.forget(session);
  }
}
