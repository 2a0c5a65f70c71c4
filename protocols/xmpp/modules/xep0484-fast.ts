/** XEP-0484: Fast Authentication Streamlining Tokens, version 0.2.0, Proposed. */
import { attributeOf } from '#src/stanza/attributes.ts';
import { Buffer } from 'node:buffer';
import type { Element } from 'ltx';
import { isTokenMechanism, parseInitiator, type TokenMechanism, tokenMechanisms } from '#src/accounts/hashed-token.ts';
import type { TokenVerdict } from '#src/accounts/tokens.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import type { Store, Ticket } from '#src/store/store.ts';
import type { ClientStream } from '../links/client-stream.ts';
import { channelBindings } from '../stream/channel-binding.ts';
import { SECURED } from '../stream/feature.ts';
import type { EarlyInline, Inlined, Sasl2Request } from '../stream/inline.ts';
import { NS } from '../stream/namespaces.ts';
import { failure, type SaslFailure } from '../stream/sasl-failure.ts';
import {
  accountOf,
  isEnabled,
  proven,
  type Sasl2Authenticate,
  type SaslExchange,
  type SaslMechanism,
  type SaslStep,
} from '../stream/sasl-mechanism.ts';

export const fast = defineModule({
  name: 'fast',
  description: 'Tokens instead of the password for clients that come back.',
  specs: [
    {
      document: 'XEP-0484',
      version: '0.2.0',
      title: 'Fast Authentication Streamlining Tokens',
      status: 'partial',
      note: 'no TLS early data',
    },
  ],
  needs: ['store', 'streams'],
  start(scope, { store, streams }) {
    const { inline } = streams(scope.host);
    const feature: EarlyInline = {
      name: 'fast',
      stage: 'token',
      mechanisms,
      offer(stream) {
        const names = mechanisms
          .filter((known) => known.offered(stream))
          .map(({ name }) => `<mechanism>${name}</mechanism>`);
        return names.length === 0 ? undefined : `<fast xmlns='${NS.fast}'>${names.join('')}</fast>`;
      },
      apply: (request) => settle(request, store),
    };
    scope.own(inline.add(feature));
  },
});

const NOTHING = Buffer.alloc(0);

/** The mechanisms, strongest binding first. */
const mechanisms: readonly SaslMechanism[] = Object.keys(tokenMechanisms).filter(isTokenMechanism).map(mechanism);

function mechanism(name: TokenMechanism): SaslMechanism {
  const binding = tokenMechanisms[name];
  return {
    name,

    /** Section 7: only over a secure connection, since the one message can be replayed by whoever sees it. */
    offered(stream: ClientStream): boolean {
      if (!stream.has(SECURED) || !isEnabled(stream, name)) return false;
      return binding === undefined || channelBindings(stream).data(binding) !== undefined;
    },

    /** Section 3.4: a client that comes with a token says so, and says who it is. */
    begin(stream: ClientStream, request?: Sasl2Authenticate): SaslExchange | SaslFailure {
      const element = request?.element.getChild('fast', NS.fast);
      if (element === undefined) return failure('malformed-request', 'a token without <fast/>');
      if (request?.agent === undefined) return failure('malformed-request', 'a token without the id of a user agent');
      const count = countOf(element);
      if (count === 'malformed') return failure('malformed-request', 'a count is a positive integer');
      return new TokenExchange(stream, name, request.agent, count);
    },
  };
}

/** One message each way: the client's hash of its token, then the server's. */
class TokenExchange implements SaslExchange {
  verdict: Extract<TokenVerdict, { readonly ok: true }> | undefined = undefined;
  readonly #stream: ClientStream;
  readonly #mechanism: TokenMechanism;
  readonly #agent: string;
  readonly #count: number | undefined;

  constructor(stream: ClientStream, name: TokenMechanism, agent: string, count: number | undefined) {
    this.#stream = stream;
    this.#mechanism = name;
    this.#agent = agent;
    this.#count = count;
  }

  step(data: Buffer): SaslStep {
    const { host, server } = this.#stream;
    const message = parseInitiator(data);
    if (message === undefined || host === undefined) return failure('malformed-request');
    const { domain } = host.host;
    const account = accountOf(domain, message.authcid);
    if (account === undefined) return failure('not-authorized');
    const type = tokenMechanisms[this.#mechanism];
    const binding = type === undefined ? NOTHING : channelBindings(this.#stream).data(type);
    if (binding === undefined) return failure('not-authorized');
    const verdict = server.tokens.verify({
      host: domain,
      local: account.local,
      agent: this.#agent,
      mechanism: this.#mechanism,
      hash: message.hash,
      binding,
      ...(this.#count === undefined ? {} : { count: this.#count }),
    });
    if (!verdict.ok) return failure(verdict.condition);
    this.verdict = verdict;
    return proven(domain, account.local, undefined, verdict.responder);
  }
}

/**
 * Sections 3.3, 3.5 and 3.6, after any mechanism: ends the token where the client wants that, and gives a new one where it asks for
 * one or its own is due. What was written is durable before the client hears of it, and so is its counter.
 */
async function settle(request: Sasl2Request, store: Store): Promise<Inlined | undefined> {
  const { account, agent, element, exchange, stream } = request;
  if (agent === undefined) return undefined;
  const { tokens } = stream.server;
  const { domain, local } = account;
  const verdict = exchange instanceof TokenExchange ? exchange.verdict : undefined;
  const ends = verdict !== undefined && isTrue(element.getChild('fast', NS.fast)?.attrs['invalidate']);
  const tickets: (Ticket | undefined)[] = [verdict?.ticket];
  if (ends) tickets.push(tokens.revoke(domain, local, agent));
  const wanted = wantedMechanism(request, verdict !== undefined && verdict.rotate && !ends);
  const issued = wanted === undefined ? undefined : tokens.issue(domain, local, agent, wanted);
  tickets.push(issued?.ticket);
  for (const ticket of tickets) if (ticket !== undefined) await store.durable(ticket);
  if (issued === undefined) return undefined;
  const expiry = new Date(issued.expires).toISOString();
  return { xml: `<token xmlns='${NS.fast}' expiry='${expiry}' token='${issued.token}'/>` };
}

/** The mechanism that a new token is for; undefined when none is to be given. */
function wantedMechanism(
  { element, mechanism: used, stream }: Sasl2Request,
  rotate: boolean,
): TokenMechanism | undefined {
  const request = element.getChild('request-token', NS.fast);
  const asked = request === undefined ? undefined : attributeOf(request, 'mechanism');
  const name = asked ?? (rotate ? used : undefined);
  const found = name === undefined ? undefined : mechanisms.find((known) => known.name === name);
  return found?.offered(stream) === true && isTokenMechanism(found.name) ? found.name : undefined;
}

const DIGITS = /^\d{1,10}$/;

function countOf(element: Element): number | undefined | 'malformed' {
  const text = attributeOf(element, 'count');
  if (text === undefined) return undefined;
  const count = DIGITS.test(text) ? Number(text) : 0;
  return count > 0 ? count : 'malformed';
}

/** xs:boolean. */
function isTrue(text: unknown): boolean {
  return text === 'true' || text === '1';
}
