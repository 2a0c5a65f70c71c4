/** MQTT packets made by fast-check, and what mqtt-packet calls them. */
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import type { Packet } from 'mqtt-packet';
import { type ReasonCode, reasonCodes } from '#protocols/mqtt/packet/reason-codes.ts';
import type {
  Acknowledgement,
  ClientPacket,
  Connect,
  MessageProperties,
  Publish,
  ServerPacket,
  Subscription,
  UserProperty,
  Version,
} from '#protocols/mqtt/packet/types.ts';
import { connect, publish, subscription } from '#test/vectors/mqtt/packets.ts';

export type AnyPacket = ClientPacket | ServerPacket | Publish;

const texts = fc.oneof(
  fc.constantFrom('', 'a', 'text', 'é', '€', '\u{1f600}', '\ufeff', '\u0001', '\uffff', '__proto__', 'constructor'),
  fc.string({ unit: 'binary', maxLength: 6 }).map((text) => text.replaceAll('\u0000', '')),
);
const someTexts = texts.map((text) => (text === '' ? 'x' : text));
const topics = fc
  .array(
    texts.map((text) => text.replaceAll(/[#+]/g, '')),
    { minLength: 1, maxLength: 4 },
  )
  .map((levels) => levels.join('/') || '/');
const filters = fc
  .tuple(
    fc.constantFrom('', '', '$share/g/'),
    fc.array(fc.oneof(topics, fc.constant('+')), { minLength: 1, maxLength: 3 }),
    fc.constantFrom('', '/#', '/+'),
  )
  .map(([share, levels, end]) => share + levels.join('/') + end);
const binaries = fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes));
const payloads = fc.oneof(
  binaries,
  fc.constantFrom(120, 130, 1023, 1025, 16_380).map((size) => Buffer.alloc(size, 'x')),
);
const uint16 = fc.oneof(fc.constantFrom(0, 1, 255, 256, 65_535), fc.integer({ min: 0, max: 65_535 }));
const uint32 = fc.oneof(fc.constantFrom(0, 1, 65_536, 0xffff_ffff), fc.integer({ min: 0, max: 0xffff_ffff }));
const ids = uint16.map((id) => id || 1);
const subscriptionIds = fc.oneof(
  fc.constantFrom(1, 127, 128, 16_384, 268_435_455),
  fc.integer({ min: 1, max: 1 << 28 }).map((id) => id - 1 || 1),
);
/** Those of a name stand together and none is empty: mqtt-packet keeps them in an object by name, and loses an empty one. */
const userProperties: fc.Arbitrary<readonly UserProperty[]> = fc
  .uniqueArray(fc.tuple(texts, fc.array(someTexts, { minLength: 1, maxLength: 2 })), {
    minLength: 1,
    maxLength: 3,
    selector: ([name]) => name,
  })
  .map((list) => list.flatMap(([name, values]) => values.map((value) => [`p${name}`, value] as const)));
const flags = fc.constantFrom<0 | 1>(0, 1);
const qos = fc.constantFrom<0 | 1 | 2>(0, 1, 2);
const versions = fc.constantFrom<Version>(3, 4, 5);
const optional = { requiredKeys: [] };
const explained = fc.record({ reasonString: texts, userProperties }, optional);

const messageProperties: fc.Arbitrary<MessageProperties> = fc.record(
  {
    payloadFormat: fc.constant(0 as const),
    messageExpiry: uint32,
    contentType: texts,
    responseTopic: topics,
    correlationData: binaries,
    userProperties,
  },
  optional,
);

const wills = (version: Version): fc.Arbitrary<NonNullable<Connect['will']>> =>
  fc.record({
    topic: topics,
    payload: binaries,
    qos,
    retain: fc.boolean(),
    properties: version === 5 ? messageProperties : fc.constant({}),
    delay: version === 5 ? uint32 : fc.constant(0),
  });

const asked: fc.Arbitrary<Partial<Connect>> = fc
  .record(
    {
      sessionExpiry: uint32,
      receiveMaximum: ids,
      maximumPacketSize: uint32.map((size) => size || 1),
      topicAliasMaximum: uint16,
      requestResponseInformation: fc.boolean(),
      requestProblemInformation: fc.boolean(),
      userProperties,
      authenticationMethod: texts,
      authenticationData: binaries,
    },
    optional,
  )
  .map(({ authenticationData: data, ...own }) =>
    Object.assign(own, own.authenticationMethod !== undefined && data && { authenticationData: data }),
  );

const connects = (version: Version): fc.Arbitrary<Connect> =>
  fc
    .record({
      own: fc.record(
        { clientId: someTexts, cleanStart: fc.boolean(), keepAlive: uint16, username: texts, will: wills(version) },
        optional,
      ),
      password: fc.option(binaries),
      bridge: fc.boolean(),
      asked: version === 5 ? asked : fc.constant({}),
    })
    .map(({ own, password, bridge, asked: properties }) =>
      connect(version, {
        ...own,
        ...properties,
        bridge: bridge && version < 5,
        ...(password && own.username !== undefined && { password }),
      }),
    );

const publishes = (version: Version, fromServer: boolean): fc.Arbitrary<Publish> =>
  fc
    .record({
      topic: topics,
      payload: payloads,
      qos,
      retain: fc.boolean(),
      dup: fc.boolean(),
      packetId: ids,
      properties: version === 5 ? messageProperties : fc.constant({}),
      alias: fc.option(fc.integer({ min: 1, max: 5 })),
      named: fc.option(fc.array(subscriptionIds, { minLength: 1, maxLength: 3 })),
    })
    .map(({ alias, named, dup, packetId, ...own }) =>
      publish({
        ...own,
        dup: dup && own.qos > 0,
        packetId: own.qos > 0 ? packetId : 0,
        ...(version === 5 && alias && { topicAlias: alias }),
        ...(version === 5 && named && fromServer && { subscriptionIds: named }),
      }),
    );

const reasons = (...names: readonly (keyof typeof reasonCodes)[]): fc.Arbitrary<ReasonCode> =>
  fc.constantFrom(...names.map((name) => reasonCodes[name]));
const received = reasons('success', 'noMatchingSubscribers', 'notAuthorized', 'quotaExceeded', 'payloadFormatInvalid');
const released = reasons('success', 'packetIdentifierNotFound');
const { success } = reasonCodes;

const acknowledgements = (version: Version): fc.Arbitrary<Acknowledgement> =>
  fc
    .constantFrom('puback' as const, 'pubrec' as const, 'pubrel' as const, 'pubcomp' as const)
    .chain((type) =>
      fc.record({
        type: fc.constant(type),
        packetId: ids,
        reason: version < 5 ? fc.constant(success) : type === 'puback' || type === 'pubrec' ? received : released,
        own: version < 5 ? fc.constant({}) : explained,
      }),
    )
    .map(({ own, ...packet }) => Object.assign(packet, own));

const subscriptions = (version: Version): fc.Arbitrary<Subscription> =>
  fc
    .record({
      filter: filters,
      qos,
      noLocal: fc.boolean(),
      retainAsPublished: fc.boolean(),
      retainHandling: qos,
    })
    .map((each) =>
      version === 5
        ? Object.assign(each, { noLocal: each.noLocal && !each.filter.startsWith('$share/') })
        : subscription(each.filter, { qos: each.qos }),
    );

const disconnects = (reason: fc.Arbitrary<ReasonCode>): fc.Arbitrary<ClientPacket & ServerPacket> =>
  fc
    .record({ type: fc.constant('disconnect' as const), reason, own: explained })
    .map(({ own, ...packet }) => Object.assign(packet, own));

const auths = (reason: fc.Arbitrary<ReasonCode>): fc.Arbitrary<ClientPacket & ServerPacket> =>
  fc
    .record({ type: fc.constant('auth' as const), reason, method: texts, data: fc.option(binaries), own: explained })
    .map(({ data, own, ...packet }) => Object.assign(packet, data && { data }, own));

/** Packets that a client sends after CONNECT, but for DISCONNECT. */
const requests = (version: Version): fc.Arbitrary<ClientPacket> =>
  fc.oneof(
    publishes(version, false),
    acknowledgements(version),
    fc
      .record({
        type: fc.constant('subscribe' as const),
        packetId: ids,
        subscriptions: fc.array(subscriptions(version), { minLength: 1, maxLength: 4 }),
        id: fc.option(subscriptionIds),
        userProperties: version === 5 ? fc.oneof(fc.constant([]), userProperties) : fc.constant([]),
      })
      .map(({ id, ...packet }) => Object.assign(packet, version === 5 && id && { subscriptionId: id })),
    fc.record({
      type: fc.constant('unsubscribe' as const),
      packetId: ids,
      filters: fc.array(filters, { minLength: 1, maxLength: 4 }),
      userProperties: version === 5 ? fc.oneof(fc.constant([]), userProperties) : fc.constant([]),
    }),
    fc.constant({ type: 'pingreq' as const }),
    ...(version === 5 ? [auths(reasons('continueAuthentication', 'reAuthenticate'))] : []),
  );

const goodbyes = (version: Version): fc.Arbitrary<ClientPacket> =>
  version === 5
    ? disconnects(reasons('success', 'disconnectWithWill', 'protocolError', 'administrativeAction'))
    : fc.constant({ type: 'disconnect', reason: success });

const acceptance = fc.record(
  {
    sessionExpiry: uint32,
    receiveMaximum: ids,
    maximumQos: flags,
    retainAvailable: fc.boolean(),
    maximumPacketSize: uint32.map((size) => size || 1),
    assignedClientId: texts,
    topicAliasMaximum: uint16,
    wildcardAvailable: fc.boolean(),
    subscriptionIdsAvailable: fc.boolean(),
    sharedAvailable: fc.boolean(),
    serverKeepAlive: uint16,
    responseInformation: texts,
    serverReference: texts,
    authenticationMethod: texts,
    reasonString: texts,
    userProperties,
  },
  optional,
);

const connacks = (version: Version): fc.Arbitrary<ServerPacket> =>
  fc
    .record({
      type: fc.constant('connack' as const),
      sessionPresent: fc.boolean(),
      reason: reasons(
        'success',
        'unsupportedProtocolVersion',
        'clientIdentifierNotValid',
        'serverUnavailable',
        'notAuthorized',
      ),
      own: version === 5 ? acceptance : fc.constant({}),
    })
    .map(({ own, sessionPresent, ...packet }) =>
      Object.assign(packet, own, { sessionPresent: sessionPresent && version > 3 && packet.reason === success }),
    );

const answers = (version: Version): fc.Arbitrary<ServerPacket | Publish> =>
  fc.oneof(
    publishes(version, true),
    acknowledgements(version),
    fc
      .record({
        type: fc.constant('suback' as const),
        packetId: ids,
        reasons: fc.array(
          version === 5
            ? reasons('success', 'grantedQos1', 'grantedQos2', 'notAuthorized', 'topicFilterInvalid', 'quotaExceeded')
            : reasons('success', 'grantedQos1', 'grantedQos2', 'unspecifiedError'),
          { minLength: 1, maxLength: 4 },
        ),
        own: version === 5 ? explained : fc.constant({}),
      })
      .map(({ own, ...packet }) => Object.assign(packet, own)),
    fc
      .record({
        type: fc.constant('unsuback' as const),
        packetId: ids,
        reasons: fc.array(reasons('success', 'noSubscriptionExisted', 'notAuthorized'), { minLength: 1, maxLength: 4 }),
        own: version === 5 ? explained : fc.constant({}),
      })
      .map(({ own, reasons: list, ...packet }) => Object.assign(packet, { reasons: version === 5 ? list : [] }, own)),
    fc.constant({ type: 'pingresp' as const }),
    ...(version === 5
      ? [
          auths(reasons('success', 'continueAuthentication')),
          disconnects(reasons('success', 'sessionTakenOver', 'keepAliveTimeout', 'serverMoved')),
        ]
      : []),
  );

/** All that a client says on one connection: CONNECT, requests, and at times DISCONNECT. */
export const conversations: fc.Arbitrary<readonly [Version, readonly ClientPacket[]]> = versions.chain((version) =>
  fc
    .tuple(connects(version), fc.array(requests(version), { maxLength: 6 }), fc.option(goodbyes(version)))
    .map(([first, list, last]) => [version, [first, ...list, ...(last ? [last] : [])]] as const),
);

/** All that a server says on one connection. */
export const replies: fc.Arbitrary<readonly [Version, readonly (ServerPacket | Publish)[]]> = versions.chain(
  (version) =>
    fc
      .tuple(connacks(version), fc.array(answers(version), { maxLength: 6 }))
      .map(([first, list]) => [version, [first, ...list]] as const),
);

/** The names of mqtt-packet for properties, where they are others, and for what it holds differently. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ['payloadFormat', 'payloadFormatIndicator'],
  ['messageExpiry', 'messageExpiryInterval'],
  ['subscriptionId', 'subscriptionIdentifier'],
  ['subscriptionIds', 'subscriptionIdentifier'],
  ['sessionExpiry', 'sessionExpiryInterval'],
  ['assignedClientId', 'assignedClientIdentifier'],
  ['delay', 'willDelayInterval'],
  ['maximumQos', 'maximumQoS'],
  ['wildcardAvailable', 'wildcardSubscriptionAvailable'],
  ['subscriptionIdsAvailable', 'subscriptionIdentifiersAvailable'],
  ['sharedAvailable', 'sharedSubscriptionAvailable'],
  ['method', 'authenticationMethod'],
  ['data', 'authenticationData'],
]);

/** User properties as mqtt-packet has them: by name, and a second value takes the place of an empty first one. */
const byName = (list: readonly UserProperty[]): Readonly<Record<string, string | string[]>> => {
  const named = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of list) {
    const before = named[name];
    if (before === undefined || before === '') named[name] = value;
    else if (typeof before === 'string') named[name] = [before, value];
    else before.push(value);
  }
  return named;
};

const propertiesOf = (
  values: Readonly<Record<string, unknown>>,
): Readonly<{ properties?: Record<string, unknown> }> => {
  const properties: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    const other = OTHER_NAMES.get(name) ?? name;
    if (name === 'userProperties') properties[other] = byName(value as readonly UserProperty[]);
    else if (name === 'payloadFormat') properties[other] = value === 1;
    else if (name === 'subscriptionIds' && (value as number[]).length === 1) properties[other] = (value as number[])[0];
    else properties[other] = value;
  }
  return Object.keys(properties).length === 0 ? {} : { properties };
};

const connectForOracle = (packet: Connect): object => {
  const { will, sessionExpiry, receiveMaximum, topicAliasMaximum, requestProblemInformation, ...own } = packet;
  const { version, bridge, clientId, cleanStart, keepAlive, username, password, type: _, ...rest } = own;
  return {
    cmd: 'connect',
    protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
    protocolVersion: version,
    ...(bridge && { bridgeMode: true }),
    clientId,
    clean: cleanStart,
    keepalive: keepAlive,
    username,
    password,
    ...(will && {
      will: {
        topic: will.topic,
        payload: will.payload,
        qos: will.qos,
        retain: will.retain,
        ...propertiesOf({ ...will.properties, delay: will.delay > 0 ? will.delay : undefined }),
      },
    }),
    ...(version === 5 &&
      propertiesOf({
        ...rest,
        requestResponseInformation: rest.requestResponseInformation || undefined,
        requestProblemInformation: requestProblemInformation ? undefined : false,
        sessionExpiry: sessionExpiry > 0 ? sessionExpiry : undefined,
        receiveMaximum: receiveMaximum < 65_535 ? receiveMaximum : undefined,
        topicAliasMaximum: topicAliasMaximum > 0 ? topicAliasMaximum : undefined,
      })),
  };
};

const RETURN_CODES: readonly ReasonCode[] = [0x00, 0x84, 0x85, 0x88, 0x86, 0x87];

/** What mqtt-packet calls a packet. */
export const forOracle = (packet: AnyPacket, version: Version): Packet => {
  const full = version === 5;
  switch (packet.type) {
    case 'connect':
      return connectForOracle(packet) as Packet;
    case 'publish': {
      const { type, topic, payload, qos: level, retain, dup, packetId, properties, ...own } = packet;
      const named = full && propertiesOf({ ...properties, ...own });
      return {
        cmd: type,
        topic,
        payload,
        qos: level,
        retain,
        dup,
        ...(level > 0 && { messageId: packetId }),
        ...named,
      };
    }
    case 'connack': {
      const { type, sessionPresent, reason, ...own } = packet;
      if (!full) return { cmd: type, sessionPresent, returnCode: RETURN_CODES.indexOf(reason) };
      return { cmd: type, sessionPresent, reasonCode: reason, ...propertiesOf(own) };
    }
    case 'subscribe': {
      const { type, packetId, subscriptions: list, ...own } = packet;
      const listed = list.map(({ filter, qos: level, noLocal: nl, retainAsPublished: rap, retainHandling: rh }) =>
        Object.assign({ topic: filter, qos: level }, full && { nl, rap, rh }),
      );
      return { cmd: type, messageId: packetId, subscriptions: listed, ...propertiesOf({ ...own }) };
    }
    case 'unsubscribe': {
      const { type, packetId, filters: list, ...own } = packet;
      return { cmd: type, messageId: packetId, unsubscriptions: [...list], ...propertiesOf({ ...own }) };
    }
    case 'suback':
    case 'unsuback': {
      const { type, packetId, reasons: list, ...own } = packet;
      if (type === 'unsuback' && !full) return { cmd: type, messageId: packetId } as Packet;
      return { cmd: type, messageId: packetId, granted: [...list], ...propertiesOf(own) };
    }
    case 'pingreq':
    case 'pingresp':
      return { cmd: packet.type };
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp': {
      const { type, packetId, reason, ...own } = packet;
      return { cmd: type, messageId: packetId, ...(full && { reasonCode: reason, ...propertiesOf({ ...own }) }) };
    }
    case 'disconnect':
    case 'auth': {
      const { type, reason, ...own } = packet;
      return { cmd: type, ...(full && { reasonCode: reason, ...propertiesOf({ ...own }) }) } as Packet;
    }
  }
};
