import { tokenMechanisms } from '#src/accounts/hashed-token.ts';
import type { Spec } from '#src/plugin/contracts.ts';
import type { ClientStream } from '../links/client-stream.ts';
import { type SaslFailure, failure } from './sasl-failure.ts';
import { isEnabled, type SaslMechanism } from './sasl-mechanism.ts';
import { plain } from './sasl-plain.ts';
import { scram } from './sasl-scram.ts';

/** The documents behind RFC 6120 section 6 here: its profile of SASL, and the mechanisms. */
export const authentication: { readonly specs: readonly Spec[] } = {
  specs: [
    { document: 'RFC 6120', version: '6', title: 'SASL Negotiation', status: 'complete' },
    { document: 'RFC 4616', version: '2', title: 'The PLAIN SASL Mechanism', status: 'complete' },
    { document: 'RFC 5802', version: '5', title: 'SCRAM SASL and GSS-API Mechanisms', status: 'complete' },
    { document: 'RFC 7677', version: '3', title: 'SCRAM-SHA-256 and SCRAM-SHA-256-PLUS', status: 'complete' },
  ],
};

/** All mechanisms for passwords, strongest first: the order is the server's preference (RFC 6120 section 6.4.1). */
const all: readonly SaslMechanism[] = [...scram, plain];
/** What an operator may disable: those, and the ones for tokens (XEP-0484). */
export const mechanismNames: readonly string[] = [...all.map(({ name }) => name), ...Object.keys(tokenMechanisms)];
const byName: ReadonlyMap<string, SaslMechanism> = new Map(all.map((mechanism) => [mechanism.name, mechanism]));

/** What a stream may authenticate with now; nothing before TLS where TLS is required. */
export function offeredMechanisms(stream: ClientStream): readonly SaslMechanism[] {
  if (!stream.secureEnough) return [];
  return all.filter((mechanism) => isEnabled(stream, mechanism.name) && mechanism.offered(stream));
}

/** The `<mechanism/>` elements of a feature; '' when nothing is offered. */
export function mechanismsXml(stream: ClientStream): string {
  return offeredMechanisms(stream)
    .map(({ name }) => `<mechanism>${name}</mechanism>`)
    .join('');
}

/** The mechanism that a client asked for, or why it cannot have it (RFC 6120 sections 6.5.4, 6.5.7, 6.5.9). */
export function requestedMechanism(stream: ClientStream, name: string | undefined): SaslMechanism | SaslFailure {
  const mechanism = name === undefined ? undefined : byName.get(name);
  if (!stream.secureEnough) return failure('encryption-required');
  if (mechanism === undefined) return failure('invalid-mechanism');
  if (!isEnabled(stream, mechanism.name)) return failure('mechanism-too-weak');
  if (mechanism.offered(stream)) return mechanism;
  return failure(mechanism === plain ? 'encryption-required' : 'invalid-mechanism');
}
