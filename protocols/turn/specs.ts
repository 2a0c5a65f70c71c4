import type { Spec } from '#src/plugin/contracts.ts';

/** The documents of STUN and TURN that the relay implements. */
export const specs: readonly Spec[] = [
  {
    document: 'RFC 8489',
    version: '5-7, 9.2, 10, 14',
    title: 'Session Traversal Utilities for NAT (STUN)',
    status: 'complete',
    note: 'as a server: Binding, long-term credentials with MD5 and SHA-256, USERHASH, ALTERNATE-SERVER; not over DTLS',
  },
  {
    document: 'RFC 8656',
    version: '5-12',
    title: 'Traversal Using Relays around NAT (TURN)',
    status: 'partial',
    note: 'without DONT-FRAGMENT and ICMP, which a program on Node cannot have; not over DTLS',
  },
  {
    document: 'RFC 6062',
    version: '5',
    title: 'TURN Extensions for TCP Allocations',
    status: 'complete',
  },
  {
    document: 'RFC 7443',
    version: '3',
    title: 'Application-Layer Protocol Negotiation (ALPN) Labels for STUN Usages',
    status: 'complete',
  },
  {
    document: 'RFC 7065',
    version: '3',
    title: 'TURN Uniform Resource Identifiers',
    status: 'complete',
    note: 'what XEP-0215 tells of the relay is what these URIs are made of',
  },
];
