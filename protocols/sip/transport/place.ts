import type { AddressDestination } from './destination.ts';

/**
 * Where a connection leads, as a key. One of TLS serves the name that its certificate was checked for, and no other: two names may share an
 * address (RFC 5923 section 9.1).
 */
export const placeTo = ({ address, port, serverName, transport }: AddressDestination): string =>
  transport === 'tls' && serverName !== undefined && serverName !== address
    ? `${transport} ${address} ${port} ${serverName}`
    : `${transport} ${address} ${port}`;
