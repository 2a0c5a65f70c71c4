import type { Buffer } from 'node:buffer';
import { ScramServer } from '#src/accounts/scram.ts';
import { type ScramHash, scramHashes } from '#src/accounts/verifiers.ts';
import { channelBindings } from './channel-binding.ts';
import { failure } from './sasl-failure.ts';
import {
  accountOf,
  isEnabled,
  mayActAs,
  proven,
  type SaslMechanism,
  type SaslStep,
  simpleName,
} from './sasl-mechanism.ts';

/** SCRAM (RFC 5802, RFC 7677) with each hash, bound to the channel (-PLUS) and not; strongest first. */
export const scram: readonly SaslMechanism[] = [true, false].flatMap((plus) =>
  scramHashes.toReversed().map((hash) => mechanism(hash, plus)),
);

function mechanism(hash: ScramHash, plus: boolean): SaslMechanism {
  const name = nameOf(hash, plus);
  return {
    name,

    /** A host whose accounts keep no verifiers has PLAIN only; without channel binding data there is no -PLUS. */
    offered(stream) {
      const { host, server } = stream;
      if (host === undefined || !server.accounts.supports(host.host.domain).scram) return false;
      return !plus || channelBindings(stream).types.length > 0;
    },

    begin(stream) {
      const { host, server } = stream;
      const domain = host?.host.domain ?? '';
      const bindings = channelBindings(stream);
      const exchange = new ScramServer({
        hash,
        plus,
        plusOffered: bindings.types.length > 0 && isEnabled(stream, nameOf(hash, true)),
        binding: (type) => bindings.data(type),
        verifier: (username) => server.accounts.scramVerifier(domain, simpleName(domain, username), hash),
        authorize: (username, authzid) => {
          const account = accountOf(domain, username);
          return account !== undefined && mayActAs(account, authzid);
        },
      });
      return {
        step(data: Buffer): SaslStep {
          const step = exchange.step(data);
          if (step.kind === 'challenge') return step;
          // RFC 5802 section 7: the `e=` value says more than the condition; it says nothing of whether the user exists.
          if (step.kind === 'failure') return failure(step.condition, step.error);
          return proven(domain, step.username, step.authzid, step.data);
        },
      };
    },
  };
}

function nameOf(hash: ScramHash, plus: boolean): string {
  return `SCRAM-${hash}${plus ? '-PLUS' : ''}`;
}
