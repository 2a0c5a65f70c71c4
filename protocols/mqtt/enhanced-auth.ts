import { Buffer } from 'node:buffer';
import { ScramServer } from '#src/accounts/scram.ts';
import type { ScramHash } from '#src/accounts/verifiers.ts';
import { type Login, Objection, readUsername } from './auth.ts';
import { reasonCodes } from './packet/reason-codes.ts';
import type { MqttServer } from './server.ts';

/** MQTT 5 section 4.12: the methods are the names of SASL mechanisms. */
const METHODS: ReadonlyMap<string, ScramHash> = new Map([
  ['SCRAM-SHA-256', 'SHA-256'],
  ['SCRAM-SHA-512', 'SHA-512'],
  ['SCRAM-SHA-1', 'SHA-1'],
]);

export type AuthStep =
  | { readonly kind: 'challenge'; readonly data: Buffer }
  | { readonly kind: 'success'; readonly data: Buffer; readonly login: Login }
  | { readonly kind: 'failure'; readonly objection: Objection };

/** A run that is going on, and who waits for its end. */
export interface AuthRun {
  readonly exchange: Exchange;
  readonly done: (result: { readonly login: Login; readonly data: Buffer } | Objection) => void;
}

/** One run of an authentication method: in CONNECT and AUTH, or later as re-authentication (MQTT 5 sections 4.12 and 4.12.1). */
export class Exchange {
  readonly method: string;
  readonly #server: MqttServer;
  readonly #serverName: string | undefined;
  readonly #scram: ScramServer;

  private constructor(server: MqttServer, method: string, hash: ScramHash, serverName: string | undefined) {
    this.method = method;
    this.#server = server;
    this.#serverName = serverName;
    this.#scram = new ScramServer({
      hash,
      plus: false,
      plusOffered: false,
      binding: () => undefined,
      verifier: (username) => {
        const login = readUsername(server, username, serverName);
        const domain = login?.broker.domain ?? server.brokerOf(serverName).domain;
        return server.accounts.scramVerifier(domain, login?.account ?? username, hash);
      },
      authorize: (username, authzid) => username === authzid,
    });
  }

  /** @returns undefined when the method is not known */
  static begin(server: MqttServer, method: string, serverName: string | undefined): Exchange | undefined {
    const hash = METHODS.get(method);
    return hash === undefined ? undefined : new Exchange(server, method, hash, serverName);
  }

  /** Takes the client's next message. */
  step(data: Buffer | undefined): AuthStep {
    const step = this.#scram.step(data ?? Buffer.alloc(0));
    if (step.kind === 'challenge') return step;
    const login = step.kind === 'success' ? readUsername(this.#server, step.username, this.#serverName) : undefined;
    if (step.kind === 'success' && login !== undefined) return { kind: 'success', data: step.data, login };
    const text = step.kind === 'failure' ? step.error : 'other-error';
    return { kind: 'failure', objection: new Objection(reasonCodes.notAuthorized, text, true) };
  }
}
