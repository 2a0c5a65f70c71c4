import { randomBytes } from 'node:crypto';
import { Stanza } from '#src/stanza/stanza.ts';
import { refuse, type Refusal } from '#src/stanza/conditions.ts';
import { escapeText } from '#src/stanza/serialise.ts';
import type { Frame } from '#src/stanza/frame.ts';
import type { Jid } from '#src/address/jid.ts';
import type { Session } from '#src/session/session.ts';
import { ClientSession } from '../links/client-session.ts';
import type { ClientStream } from '../links/client-stream.ts';
import type { XmppServer } from '../server.ts';
import { AUTHENTICATED, BOUND, type StreamFeature, qualified } from './feature.ts';
import { NS } from './namespaces.ts';

/** Resource binding: RFC 6120 section 7. The iq that asks for it is the only stanza before a session. */
export const bind: StreamFeature = {
  name: 'bind',
  requires: AUTHENTICATED,
  forbids: BOUND,
  elements: [qualified(NS.client, 'iq')],

  offer(): string {
    return `<bind xmlns='${NS.bind}'/>`;
  },

  handle(stream: ClientStream, frame: Frame): void {
    const iq = requestOf(frame);
    const request = iq.type === 'set' ? iq.child('bind', NS.bind) : undefined;
    if (request === undefined || iq.id === undefined) return stream.fail('not-authorized', 'bind a resource first');
    const wanted = request.getChildText('resource', NS.bind) ?? '';
    const session = bindResource(stream, wanted);
    if (session instanceof ClientSession) {
      const jid = `<bind xmlns='${NS.bind}'><jid>${escapeText(session.jid.full)}</jid></bind>`;
      return stream.transport.writeStanza(iq.result(jid));
    }
    stream.transport.writeStanza(iq.error(session));
  },
};

function requestOf({ attributes, content, declarations }: Frame): Stanza {
  return new Stanza(
    'iq',
    undefined,
    undefined,
    attributes.get('id'),
    attributes.get('type'),
    undefined,
    content,
    declarations,
  );
}

/**
 * Gives the stream a session under the wanted resource, or under one of the server's making where none is wanted (section 7.6).
 * A resource in use is decided by the conflict policy (section 7.7.2.2).
 * @returns the session, or why there is none: bad-request (not a resourcepart), conflict, resource-constraint
 */
export function bindResource(stream: ClientStream, wanted: string): ClientSession | Refusal {
  const { account, host, server } = stream;
  if (account === undefined || host === undefined) return refuse('not-allowed');
  let jid = account.withResource(wanted === '' ? ownResource() : wanted);
  if (jid === undefined) return refuse('bad-request', 'not a resourcepart (RFC 7622 section 3.4)');
  // A session that awaits resumption does not stand in the way of a client that does without it.
  const lost = server.registry.find(jid);
  if (lost !== undefined && isLost(lost)) lost.close(refuse('conflict', 'replaced by a new session'));
  const rival = server.registry.find(jid);
  if (rival === undefined && !hasRoom(account, server)) {
    return refuse('resource-constraint', 'too many sessions of this account');
  }
  if (rival !== undefined) {
    const policy = server.options.resourceConflict;
    if (policy === 'closenew') return refuse('conflict');
    if (policy === 'setresource') jid = account.withResource(`${wanted}-${ownResource()}`) ?? jid;
    else rival.close(refuse('conflict', 'replaced by a new session'));
  }
  return open(stream, jid);
}

function open(stream: ClientStream, jid: Jid): ClientSession | Refusal {
  const { host, transport } = stream;
  if (host === undefined) return refuse('not-allowed');
  const origin = { connection: transport.label, ip: transport.ip, port: transport.port };
  const session = new ClientSession(jid, host, origin, Date.now());
  stream.carry(session);
  host.host.bind(session);
  return session;
}

function isLost(session: Session): boolean {
  return session instanceof ClientSession && session.stream === undefined;
}

/** Is there room for one more session? The oldest that awaits resumption makes it, where none is left. */
function hasRoom(account: Jid, server: XmppServer): boolean {
  // An account may have many things over MQTT; they have a limit of their own.
  const sessions = server.registry.of(account.bare).filter(({ protocol }) => protocol === 'xmpp');
  if (sessions.length < sessionsOf(account, server)) return true;
  const oldest = sessions.find(isLost);
  oldest?.close();
  return oldest !== undefined;
}

const SESSIONS = 10;

/** The rule `max_sessions`. */
function sessionsOf({ domain, local }: Jid, { access }: XmppServer): number {
  return access(domain).limit('max_sessions', { local, domain }, SESSIONS);
}

/** Section 7.6.1: hard to guess, so that a resource says nothing of its device. */
function ownResource(): string {
  return randomBytes(9).toString('base64url');
}
