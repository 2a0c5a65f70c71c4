/** XEP-0198: Stream Management, version 1.6.3, Draft. Sessions are kept in the store, so they survive a restart of the server. */
import type { Element } from 'ltx';
import { z } from 'zod';
import { defineModule } from '#src/plugin/contracts.ts';
import type { Scope } from '#src/plugin/scope.ts';
import { accessName, count, duration, size } from '#src/settings/types.ts';
import type { Frame } from '#src/stanza/frame.ts';
import type { ClientSession } from '../links/client-session.ts';
import type { ClientStream } from '../links/client-stream.ts';
import type { XmppHost } from '../server.ts';
import { AUTHENTICATED, qualified, type StreamFeature } from '../stream/feature.ts';
import type { Management, ManagementTerms } from '../stream/management.ts';
import { offWire } from '../stream/management-queue.ts';
import { failed, parseCount, type ResumeRequest, tooHigh } from '../stream/managements.ts';
import { NS } from '../stream/namespaces.ts';

const settings = z.strictObject({
  resume: z.boolean().prefault(true).describe('Let clients resume a session after its connection was lost.'),
  persistent: z
    .boolean()
    .prefault(true)
    .describe(
      'Keep sessions that can be resumed in the store, so that a restart or crash of the server loses and repeats nothing.',
    ),
  timeout: duration({ min: '1s', max: '7d' })
    .prefault('5m')
    .describe('How long a session waits to be resumed, where the client asks for nothing.'),
  timeout_max: duration({ min: '1s', max: '7d' }).prefault('1h').describe('Longest time that a client may ask for.'),
  timeout_rule: accessName('access')
    .optional()
    .describe('Rule that gives the longest time, in seconds, for some accounts; timeout_max for all others.'),
  ack_timeout: duration({ min: '5s', max: '1h' })
    .prefault('60s')
    .describe('How long a client may take to acknowledge before its connection counts as dead.'),
  queue: count(16, 1_000_000)
    .prefault(5000)
    .describe('Stanzas that wait for the acknowledgement of one session; with more of them it ends.'),
  queue_size: size({ min: '64KB', max: '1GB' }).prefault('8MB').describe('The same in bytes.'),
});
type Settings = z.output<typeof settings>;

/** The versions that are spoken; the newer one is announced first. */
const VERSIONS = [NS.sm, NS.sm2] as const;

export const streamManagement = defineModule({
  name: 'stream_management',
  description: 'Acknowledgements between client and server, and sessions that outlive a lost connection.',
  specs: [
    {
      document: 'XEP-0198',
      version: '1.6.3',
      title: 'Stream Management',
      status: 'complete',
      note: 'no location is given',
    },
  ],
  settings,
  needs: ['streams'],
  start(scope, { streams }, options) {
    const host = streams(scope.host);
    const { managements } = host.server;
    scope.own(managements.serve(host, limitsOf(options)));
    for (const xmlns of VERSIONS) scope.own(host.features.add(feature(xmlns, host, options)));
    inline(scope, host, options);
  },
});

function limitsOf({ ack_timeout: ackTimeout, queue, queue_size: queueBytes }: Settings): ManagementTerms['limits'] {
  return { queue, queueBytes, ackTimeout };
}

/** Section 2: announced to those who have authenticated. Its elements are answered in any state after that. */
function feature(xmlns: string, host: XmppHost, options: Settings): StreamFeature {
  return {
    name: `stream management ${xmlns}`,
    requires: AUTHENTICATED,
    forbids: 0,
    elements: ['enable', 'resume', 'r', 'a'].map((name) => qualified(xmlns, name)),
    offer: (stream) => (stream.session?.management === undefined ? `<sm xmlns='${xmlns}'/>` : undefined),

    handle(stream, frame) {
      if (frame.name === 'enable') return begin(stream, enable(host, stream.session, wishOf(frame), options, xmlns));
      if (frame.name === 'resume') {
        // Section 5: "If the server does not support session resumption".
        return options.resume
          ? resume(stream, requestOf(frame))
          : stream.write(failed(xmlns, 'feature-not-implemented'));
      }
      const management = stream.session?.management;
      // Section 4: acks come "after enabling stream management".
      if (management === undefined) return stream.write(failed(xmlns, 'unexpected-request'));
      if (frame.name === 'r') return management.requested();
      const h = parseCount(frame.attributes.get('h'));
      if (h === undefined) return stream.fail('bad-format', 'an <a/> has a number h');
      if (!management.acknowledged(offWire(h, management.queue.acked))) tooHigh(stream, management, h);
    },
  };
}

/** What a client asks for in `<enable/>`. */
interface Wish {
  readonly resume: string | undefined;
  /** Seconds. */
  readonly max: string | undefined;
}

function wishOf({ attributes }: Frame): Wish {
  return { resume: attributes.get('resume'), max: attributes.get('max') };
}

/** The answer to `<enable/>`, and what begins behind it when it is `<enabled/>`. */
interface Enabled {
  readonly xml: string;
  readonly management?: Management;
}

/** Section 3. `<enabled/>`, or `<failed/>` before binding and for a second time. */
function enable(
  host: XmppHost,
  session: ClientSession | undefined,
  wish: Wish,
  options: Settings,
  xmlns: string,
): Enabled {
  if (session === undefined || session.management !== undefined) return { xml: failed(xmlns, 'unexpected-request') };
  const resumable = options.resume && (wish.resume === 'true' || wish.resume === '1');
  const timeout = resumable ? timeoutOf(host, session, parseCount(wish.max), options) : 0;
  const terms = { xmlns, timeout, kept: timeout > 0 && options.persistent, limits: limitsOf(options) };
  const management = host.server.managements.enable(session, terms);
  const seconds = Math.floor(timeout / 1000);
  const agreed = timeout === 0 ? '' : ` id='${management.id}' resume='true' max='${seconds}'`;
  return { xml: `<enabled xmlns='${xmlns}'${agreed}/>`, management };
}

/** A session that outlives the process is in the store before its client knows the id. */
function begin(stream: ClientStream, { management, xml }: Enabled): void {
  const answerNow = (): void => {
    stream.write(xml);
    management?.begin();
  };
  const wait = management?.terms.kept === true ? stream.server.managements.stored() : undefined;
  if (wait === undefined) return answerNow();
  stream.hold();
  void answerAfter(wait, stream, answerNow);
}

/** What the client prefers, or else the default; never more than its account may have. Milliseconds. */
function timeoutOf(
  { server }: XmppHost,
  { jid }: ClientSession,
  seconds: number | undefined,
  options: Settings,
): number {
  const { timeout, timeout_max: longest, timeout_rule: rule } = options;
  const { domain, local, resource } = jid;
  const most =
    rule === undefined
      ? longest
      : server.access(domain).limit(rule, { domain, local, resource }, longest / 1000) * 1000;
  return Math.min(seconds === undefined || seconds === 0 ? timeout : seconds * 1000, most, WEEK);
}

const WEEK = 604_800_000;

/** Section 5. Nothing more is read from the client before it has its answer. */
function resume(stream: ClientStream, request: ResumeRequest): void {
  const { managements } = stream.server;
  const wait = stream.session === undefined ? managements.prepare(stream, stream.account, request.previd) : undefined;
  if (wait === undefined) return answer(stream, request);
  stream.hold();
  void answerAfter(wait, stream, () => answer(stream, request));
}

async function answerAfter(wait: Promise<unknown>, stream: ClientStream, answerNow: () => void): Promise<void> {
  try {
    await wait;
    if (!stream.ended) answerNow();
    stream.release();
  } catch (error) {
    stream.server.log.error('stream management failed', { error: String(error) });
    stream.fail('internal-server-error');
  }
}

function answer(stream: ClientStream, request: ResumeRequest): void {
  const { session, xml } = stream.server.managements.resume(stream, request);
  if (stream.ended) return;
  stream.write(xml);
  if (session !== undefined) stream.server.managements.replay(session);
}

function requestOf({ attributes, xmlns }: Frame): ResumeRequest {
  return { xmlns, previd: attributes.get('previd'), h: attributes.get('h') };
}

/** "SASL2 And BIND2 Interaction": resumption inside `<authenticate/>`, enabling inside `<bind/>`. Version 3 only. */
function inline(scope: Scope, host: XmppHost, options: Settings): void {
  const { managements } = host.server;
  const offer = (): string => `<sm xmlns='${NS.sm}'/>`;
  scope.own(
    host.inline.add({
      name: 'former session',
      stage: 'token',
      offer: () => undefined,
      async apply({ account, element, stream }) {
        const child = element.getChild('resume', NS.sm);
        if (child !== undefined) await managements.prepare(stream, account, attribute(child, 'previd'));
        return undefined;
      },
    }),
  );
  scope.own(
    host.inline.add({
      name: 'resumption',
      stage: 'resume',
      offer,
      apply({ element, stream }) {
        const child = element.getChild('resume', NS.sm);
        if (child === undefined) return undefined;
        if (!options.resume) return { xml: failed(NS.sm, 'feature-not-implemented') };
        const request = { xmlns: NS.sm, previd: attribute(child, 'previd'), h: attribute(child, 'h') };
        const { session, xml } = managements.resume(stream, request);
        return { xml, ...(session === undefined ? {} : { written: () => managements.replay(session) }) };
      },
    }),
  );
  scope.own(
    host.bindInline.add({
      feature: NS.sm,
      apply(session, bind) {
        const child = bind.getChild('enable', NS.sm);
        if (child === undefined) return undefined;
        const wish = { resume: attribute(child, 'resume'), max: attribute(child, 'max') };
        const { management, xml } = enable(host, session, wish, options, NS.sm);
        if (management === undefined) return { xml };
        const stored = management.terms.kept ? managements.stored() : undefined;
        return { xml, stored, written: () => management.begin() };
      },
    }),
  );
}

function attribute(element: Element, name: string): string | undefined {
  const value: unknown = element.attrs[name];
  return typeof value === 'string' ? value : undefined;
}
