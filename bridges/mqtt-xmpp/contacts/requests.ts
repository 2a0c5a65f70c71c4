/** What topics answer to requests: who they are (XEP-0030), which there are, and how an address is made (XEP-0100 section 6.3). */
import type { Broker } from '#protocols/mqtt/broker.ts';
import { topicFilterFault } from '#protocols/mqtt/packet/topic.ts';
import { answerDisco, DISCO_INFO, DISCO_ITEMS, writeInfo, writeItems } from '#protocols/xmpp/types/disco.ts';
import { Jid } from '#src/address/jid.ts';
import { localFromTopic, topicFromLocal } from '#src/address/topic.ts';
import type { IqAnswer, IqRequest } from '#src/router/iq.ts';
import { refuse } from '#src/stanza/conditions.ts';
import { escapeText } from '#src/stanza/serialise.ts';

const GATEWAY = 'jabber:iq:gateway';
const PING = 'urn:xmpp:ping';
const SERVICE_FEATURES = [DISCO_INFO, DISCO_ITEMS, GATEWAY, PING];
const TOPIC_FEATURES = [DISCO_INFO, PING, 'urn:xmpp:receipts'];
/** Topics that a list shows. */
const ITEMS = 200;

export function answer(request: IqRequest, broker: Broker): IqAnswer {
  const { payload, stanza, to } = request;
  const xmlns = payload.getNS() ?? '';
  const get = stanza.type === 'get';
  if (get && payload.is('ping', PING)) return stanza.result();
  if (get && payload.is('query', DISCO_INFO)) return answerDisco(request, DISCO_INFO, describe(to));
  if (to.local !== '') return refuse('service-unavailable');
  if (get && payload.is('query', DISCO_ITEMS)) return answerDisco(request, DISCO_ITEMS, items(request, broker));
  return xmlns === GATEWAY && payload.getName() === 'query' ? gateway(request) : refuse('service-unavailable');
}

function describe({ local }: Jid): string {
  if (local === '') {
    return writeInfo({
      identities: [{ category: 'gateway', type: 'mqtt', name: 'MQTT topics' }],
      features: SERVICE_FEATURES,
      forms: [],
    });
  }
  const topic = topicFromLocal(local) ?? '';
  const type = /[#+]/.test(topic) ? 'branch' : 'leaf';
  return writeInfo({ identities: [{ category: 'hierarchy', type, name: topic }], features: TOPIC_FEATURES, forms: [] });
}

/** Topics with a retained value that the asker may see. */
function items({ from, to }: IqRequest, broker: Broker): string {
  const { acl, now, retained } = broker;
  const view = acl.viewOf({ account: from.local, clientId: '' }, undefined);
  const topics = retained.match('#', ITEMS * 5, now).map(({ message }) => message.topic);
  const shown = topics.filter((topic) => acl.maySubscribe(view, topic)).slice(0, ITEMS);
  return writeItems(
    shown.flatMap((topic) => {
      const local = localFromTopic(topic);
      return local === undefined ? [] : [{ jid: `${local}@${to.domain}`, name: topic }];
    }),
  );
}

function gateway({ payload, stanza, to }: IqRequest): IqAnswer {
  if (stanza.type === 'get') {
    const description = 'The topic, or a filter such as home/+/temp, as it is written in MQTT.';
    return stanza.result(`<query xmlns='${GATEWAY}'><desc>${description}</desc><prompt>Topic</prompt></query>`);
  }
  const topic = payload.getChild('prompt', GATEWAY)?.getText() ?? '';
  const local = topicFilterFault(topic) === undefined ? localFromTopic(topic) : undefined;
  const jid = local === undefined ? undefined : Jid.make(local, to.domain);
  if (jid === undefined) return refuse('not-acceptable', 'no topic that has an address');
  return stanza.result(`<query xmlns='${GATEWAY}'><jid>${escapeText(jid.full)}</jid></query>`);
}
