import type { Attribute } from '../attribute.ts';
import { additionalAddressFamily } from './additional-address-family.ts';
import { addressErrorCode } from './address-error-code.ts';
import { alternateDomain } from './alternate-domain.ts';
import { alternateServer } from './alternate-server.ts';
import { channelNumber } from './channel-number.ts';
import { connectionId } from './connection-id.ts';
import { data } from './data.ts';
import { dontFragment } from './dont-fragment.ts';
import { errorCode } from './error-code.ts';
import { evenPort } from './even-port.ts';
import { fingerprint } from './fingerprint.ts';
import { icmp } from './icmp.ts';
import { lifetime } from './lifetime.ts';
import { mappedAddress } from './mapped-address.ts';
import { messageIntegritySha256 } from './message-integrity-sha256.ts';
import { messageIntegrity } from './message-integrity.ts';
import { nonce } from './nonce.ts';
import { passwordAlgorithm } from './password-algorithm.ts';
import { passwordAlgorithms } from './password-algorithms.ts';
import { realm } from './realm.ts';
import { requestedAddressFamily } from './requested-address-family.ts';
import { requestedTransport } from './requested-transport.ts';
import { reservationToken } from './reservation-token.ts';
import { software } from './software.ts';
import { unknownAttributes } from './unknown-attributes.ts';
import { userhash } from './userhash.ts';
import { username } from './username.ts';
import { xorMappedAddress } from './xor-mapped-address.ts';
import { xorPeerAddress } from './xor-peer-address.ts';
import { xorRelayedAddress } from './xor-relayed-address.ts';

/** Every attribute that this program can read and write. */
export const attributes: readonly Attribute<unknown>[] = [
  additionalAddressFamily,
  addressErrorCode,
  alternateDomain,
  alternateServer,
  channelNumber,
  connectionId,
  data,
  dontFragment,
  errorCode,
  evenPort,
  fingerprint,
  icmp,
  lifetime,
  mappedAddress,
  messageIntegritySha256,
  messageIntegrity,
  nonce,
  passwordAlgorithm,
  passwordAlgorithms,
  realm,
  requestedAddressFamily,
  requestedTransport,
  reservationToken,
  software,
  unknownAttributes,
  userhash,
  username,
  xorMappedAddress,
  xorPeerAddress,
  xorRelayedAddress,
];

/** Their types: another one below 0x8000 is answered with 420 (RFC 8489 section 6.3.1). */
export const knownAttributes: ReadonlySet<number> = new Set(attributes.map(({ type }) => type));
