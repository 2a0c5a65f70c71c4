/** STUN error codes with their recommended reason phrases: RFC 8489 section 14.8, RFC 8656 section 19, RFC 6062 section 6.3. */
export const errorCodes = {
  tryAlternate: 300,
  badRequest: 400,
  unauthenticated: 401,
  forbidden: 403,
  unknownAttribute: 420,
  allocationMismatch: 437,
  staleNonce: 438,
  addressFamilyNotSupported: 440,
  wrongCredentials: 441,
  unsupportedTransportProtocol: 442,
  peerAddressFamilyMismatch: 443,
  connectionAlreadyExists: 446,
  connectionTimeoutOrFailure: 447,
  allocationQuotaReached: 486,
  serverError: 500,
  insufficientCapacity: 508,
} as const;
export type ErrorCode = (typeof errorCodes)[keyof typeof errorCodes];

export const reasonPhrases: Readonly<Record<ErrorCode, string>> = {
  300: 'Try Alternate',
  400: 'Bad Request',
  401: 'Unauthenticated',
  403: 'Forbidden',
  420: 'Unknown Attribute',
  437: 'Allocation Mismatch',
  438: 'Stale Nonce',
  440: 'Address Family not Supported',
  441: 'Wrong Credentials',
  442: 'Unsupported Transport Protocol',
  443: 'Peer Address Family Mismatch',
  446: 'Connection Already Exists',
  447: 'Connection Timeout or Failure',
  486: 'Allocation Quota Reached',
  500: 'Server Error',
  508: 'Insufficient Capacity',
};
