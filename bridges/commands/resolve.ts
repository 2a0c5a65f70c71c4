import { CommandError, defineCommand, type Row } from '#src/admin/commands.ts';
import type { AdminParts } from '#src/admin/parts.ts';
import { Jid } from '#src/address/jid.ts';
import { parseTel } from '#src/address/tel.ts';
import { jidFromTopic, topicFromLocal, topicLevel } from '#src/address/topic.ts';
import { jidFromSipUri, parseXmppUri, sipUriFromJid } from '#src/address/uri.ts';
import type { Session } from '#src/session/session.ts';

/** What was meant: a SIP or XMPP URI, a telephone number, a topic of the bridge, or a plain address. */
function read({ services }: AdminParts, address: string): Jid | undefined {
  if (/^(?:sips?|im|pres):/i.test(address)) return jidFromSipUri(address);
  if (/^xmpp:/i.test(address)) return parseXmppUri(address)?.jid;
  const number = /^tel:/i.test(address)
    ? parseTel(address)?.number
    : /^\+?\d{2,20}$/.test(address)
      ? address
      : undefined;
  if (number !== undefined) return services.sip?.aliases.get(number);
  const topic = /^[^/@]+\/(?:send|presence)\/(.+)$/.exec(address)?.[1];
  return topic === undefined ? Jid.parse(address) : jidFromTopic(topic);
}

/** Who gets a message now: those of RFC 6121 section 8.5, then those that fall in for them. */
function receivers({ registry }: AdminParts, jid: Jid): readonly Session[] {
  const sessions = registry.of(jid.bare);
  const named = jid.isBare ? [] : sessions.filter((session) => session.jid.resource === jid.resource);
  if (named.length > 0) return named;
  const available = sessions.filter(({ presence }) => presence !== undefined);
  const highest = Math.max(0, ...available.map(({ priority }) => priority));
  const chosen = available.filter(({ priority }) => priority >= highest);
  return chosen.length > 0 ? chosen : available.filter(({ fallback }) => fallback);
}

function routeOf({ accounts, router }: AdminParts, jid: Jid): string {
  if (router.host(jid.domain) === undefined) return router.serves(jid.domain) ? 'service' : 'elsewhere';
  if (jid.local === '') return 'host';
  return accounts.exists(jid.domain, jid.local) ? 'account' : 'nobody';
}

export const resolve = defineCommand({
  name: 'resolve',
  description: 'How an address maps between the protocols, and which devices would get a message to it now.',
  tags: ['bridge'],
  arguments: [{ name: 'address', type: 'string', description: 'JID, sip:, tel: or xmpp: URI, number, or topic' }],
  result: 'tuple',
  run(parts, { address }): Row {
    const jid = read(parts, address);
    if (jid === undefined) throw new CommandError(404, `${address} is no address that stands for anybody`);
    const route = routeOf(parts, jid);
    const sessions = route === 'account' ? receivers(parts, jid) : [];
    const contact = route === 'service' && jid.local !== '' ? topicFromLocal(jid.local) : undefined;
    return {
      jid: jid.full,
      sip: sipUriFromJid(jid),
      topic: contact ?? `send/${topicLevel(jid.full)}`,
      route,
      receivers: sessions.map(({ jid: device, origin }) => `${device.full} (${origin.connection})`),
      otherwise: sessions.length === 0 && route === 'account' ? 'kept until a device comes' : '',
    };
  },
});
