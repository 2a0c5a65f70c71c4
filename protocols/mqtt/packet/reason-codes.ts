/** The reason codes: MQTT 5 section 2.4, under the names of its table. */
export const reasonCodes = {
  success: 0x00,
  grantedQos1: 0x01,
  grantedQos2: 0x02,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  continueAuthentication: 0x18,
  reAuthenticate: 0x19,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecificError: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  banned: 0x8a,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierInUse: 0x91,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  messageRateTooHigh: 0x96,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
  useAnotherServer: 0x9c,
  serverMoved: 0x9d,
  sharedSubscriptionsNotSupported: 0x9e,
  connectionRateExceeded: 0x9f,
  maximumConnectTime: 0xa0,
  subscriptionIdentifiersNotSupported: 0xa1,
  wildcardSubscriptionsNotSupported: 0xa2,
} as const;

export type ReasonCode = (typeof reasonCodes)[keyof typeof reasonCodes];

const NAMES: ReadonlyMap<number, keyof typeof reasonCodes> = new Map(
  Object.entries(reasonCodes).map(([name, code]) => [code, name as keyof typeof reasonCodes]),
);

/** The name of a reason code, for logs and metrics. */
export const reasonName = (code: ReasonCode): keyof typeof reasonCodes => NAMES.get(code) ?? 'unspecifiedError';

const {
  success,
  noMatchingSubscribers,
  unspecifiedError,
  malformedPacket,
  protocolError,
  implementationSpecificError,
  unsupportedProtocolVersion,
  clientIdentifierNotValid,
  badUserNameOrPassword,
  notAuthorized,
  serverUnavailable,
  serverBusy,
  banned,
  badAuthenticationMethod,
  topicFilterInvalid,
  topicNameInvalid,
  packetIdentifierInUse,
  packetIdentifierNotFound,
  receiveMaximumExceeded,
  topicAliasInvalid,
  packetTooLarge,
  messageRateTooHigh,
  quotaExceeded,
  administrativeAction,
  payloadFormatInvalid,
  retainNotSupported,
  qosNotSupported,
  useAnotherServer,
  serverMoved,
  sharedSubscriptionsNotSupported,
  connectionRateExceeded,
  subscriptionIdentifiersNotSupported,
  wildcardSubscriptionsNotSupported,
} = reasonCodes;

const RECEIVED = [
  success,
  noMatchingSubscribers,
  unspecifiedError,
  implementationSpecificError,
  notAuthorized,
  topicNameInvalid,
  packetIdentifierInUse,
  quotaExceeded,
  payloadFormatInvalid,
] as const;
const RELEASED = [success, packetIdentifierNotFound] as const;
const REFUSED_FILTER = [
  unspecifiedError,
  implementationSpecificError,
  notAuthorized,
  topicFilterInvalid,
  packetIdentifierInUse,
] as const;
const DISCONNECTED = [
  success,
  unspecifiedError,
  malformedPacket,
  protocolError,
  implementationSpecificError,
  topicNameInvalid,
  receiveMaximumExceeded,
  topicAliasInvalid,
  packetTooLarge,
  messageRateTooHigh,
  quotaExceeded,
  administrativeAction,
  payloadFormatInvalid,
] as const;

/** Which reason codes a packet may carry: the tables of MQTT 5 sections 3.2.2.2, 3.4.2.1 to 3.7.2.1, 3.9.3, 3.11.3, 3.14.2.1, 3.15.2.1. */
const ALLOWED = {
  connack: [
    success,
    unspecifiedError,
    malformedPacket,
    protocolError,
    implementationSpecificError,
    unsupportedProtocolVersion,
    clientIdentifierNotValid,
    badUserNameOrPassword,
    notAuthorized,
    serverUnavailable,
    serverBusy,
    banned,
    badAuthenticationMethod,
    topicNameInvalid,
    packetTooLarge,
    quotaExceeded,
    payloadFormatInvalid,
    retainNotSupported,
    qosNotSupported,
    useAnotherServer,
    serverMoved,
    connectionRateExceeded,
  ],
  puback: RECEIVED,
  pubrec: RECEIVED,
  pubrel: RELEASED,
  pubcomp: RELEASED,
  suback: [
    success,
    reasonCodes.grantedQos1,
    reasonCodes.grantedQos2,
    ...REFUSED_FILTER,
    quotaExceeded,
    sharedSubscriptionsNotSupported,
    subscriptionIdentifiersNotSupported,
    wildcardSubscriptionsNotSupported,
  ],
  unsuback: [success, reasonCodes.noSubscriptionExisted, ...REFUSED_FILTER],
  clientDisconnect: [...DISCONNECTED, reasonCodes.disconnectWithWill],
  serverDisconnect: [
    ...DISCONNECTED,
    notAuthorized,
    serverBusy,
    reasonCodes.serverShuttingDown,
    badAuthenticationMethod,
    reasonCodes.keepAliveTimeout,
    reasonCodes.sessionTakenOver,
    topicFilterInvalid,
    retainNotSupported,
    qosNotSupported,
    useAnotherServer,
    serverMoved,
    sharedSubscriptionsNotSupported,
    connectionRateExceeded,
    reasonCodes.maximumConnectTime,
    subscriptionIdentifiersNotSupported,
    wildcardSubscriptionsNotSupported,
  ],
  clientAuth: [reasonCodes.continueAuthentication, reasonCodes.reAuthenticate],
  serverAuth: [success, reasonCodes.continueAuthentication],
} as const satisfies Record<string, readonly ReasonCode[]>;

export type ReasonTable = keyof typeof ALLOWED;

/** Whether a packet may carry a reason code; DISCONNECT and AUTH differ by who sends. */
export const isReasonOf = (table: ReasonTable, code: number): code is ReasonCode =>
  (ALLOWED[table] as readonly number[]).includes(code);

/** The return codes of CONNACK before MQTT 5: 3.1.1 section 3.2.2.3. Reasons that are not here close the connection unsaid. */
const RETURN_CODES: ReadonlyMap<ReasonCode, number> = new Map<ReasonCode, number>([
  [success, 0],
  [unsupportedProtocolVersion, 1],
  [clientIdentifierNotValid, 2],
  [serverUnavailable, 3],
  [serverBusy, 3],
  [quotaExceeded, 3],
  [connectionRateExceeded, 3],
  [useAnotherServer, 3],
  [serverMoved, 3],
  [unspecifiedError, 3],
  [implementationSpecificError, 3],
  [reasonCodes.serverShuttingDown, 3],
  [badUserNameOrPassword, 4],
  [notAuthorized, 5],
  [banned, 5],
  [topicNameInvalid, 5],
]);

const BY_RETURN_CODE: readonly ReasonCode[] = [
  success,
  unsupportedProtocolVersion,
  clientIdentifierNotValid,
  serverUnavailable,
  badUserNameOrPassword,
  notAuthorized,
];

/** What CONNACK says before MQTT 5; undefined when it has no word for the reason. */
export const returnCodeOf = (reason: ReasonCode): number | undefined => RETURN_CODES.get(reason);

/** The reason behind a CONNACK's return code of before MQTT 5. */
export const reasonOfReturnCode = (code: number): ReasonCode | undefined => BY_RETURN_CODE[code];
