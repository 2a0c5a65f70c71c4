import { setTimeout as delay } from 'node:timers/promises';
import { type Client, account, sendPresence } from '#tools/bench/xmpp/client.ts';
import type { Result } from '#tools/bench/result.ts';
import type { FanoutJob } from '#tools/bench/xmpp/job.ts';
import { Phase } from '#tools/bench/phase.ts';
import { attribute, nextElement } from '#tools/bench/xmpp/scan.ts';

/** The first client's presence goes to all the others, who are subscribed to it; an operation is one presence delivered. */
export async function fanout(job: FanoutJob, clients: readonly Client[]): Promise<Result> {
  const [publisher, ...contacts] = clients;
  if (publisher === undefined) throw new Error('too few clients');
  const phase = new Phase(job.endpoint);
  const bare = `${account(0).user}@${job.endpoint.domain}`;
  await sendPresence(publisher);
  for (const contact of contacts) await subscribe(publisher, contact, bare);

  let marker = '';
  let missing = 0;
  let sentAt = 0;
  let complete = Promise.withResolvers<void>();
  for (const contact of contacts) {
    let text = '';
    contact.listen((chunk) => {
      text += chunk.toString('latin1');
      for (let element = nextElement(text); element !== undefined; element = nextElement(text)) {
        text = element.rest;
        if (!element.text.includes(marker)) continue;
        phase.record(sentAt, performance.now());
        if (--missing === 0) complete.resolve();
      }
    });
  }
  publisher.listen(() => undefined);

  let running = true;
  const changes = async (): Promise<void> => {
    for (let n = 0; running; n++) {
      complete = Promise.withResolvers();
      marker = `>change ${n}<`;
      missing = contacts.length;
      sentAt = performance.now();
      publisher.write(`<presence><show>away</show><status>change ${n}</status></presence>`);
      await complete.promise;
    }
  };
  const timed = async (): Promise<Result> => {
    await delay(job.warmup * 1000);
    phase.begin();
    await delay(job.seconds * 1000);
    running = false;
    return phase.finish();
  };
  const [result] = await Promise.all([timed(), changes()]);
  return result;
}

/** Subscribes a contact to the publisher's presence (RFC 6121, section 3.1), unless it is already. */
async function subscribe(publisher: Client, contact: Client, bare: string): Promise<void> {
  await sendPresence(contact);
  contact.write(`<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>`);
  const roster = await contact.expect('iq');
  if (roster.includes(`subscription='to'`) || roster.includes('subscription="to"')) return;
  contact.write(`<presence type='subscribe' to='${bare}'/>`);
  const request = await presenceOf(publisher, 'subscribe');
  const from = attribute(request, 'from')?.split('/', 1)[0] ?? '';
  publisher.write(`<presence type='subscribed' to='${from}'/>`);
  await presenceOf(contact, undefined, bare);
}

/** The next presence of that type; for undefined (available) the one from that bare JID. */
async function presenceOf(client: Client, type: string | undefined, from?: string): Promise<string> {
  for (;;) {
    const presence = await client.expect('presence');
    const sender = attribute(presence, 'from') ?? '';
    if (attribute(presence, 'type') === type && (from === undefined || sender.startsWith(`${from}/`))) return presence;
  }
}
