import { randomBytes } from 'node:crypto';
import { account, accountOf, durably, host, hostOf, quoted } from '#src/admin/commands/common.ts';
import { type Command, CommandError, defineCommand, type Row } from '#src/admin/commands.ts';
import { type Binding, requestUriOf } from '../binding.ts';
import { SipRequest, type SipResponse } from '../message/message.ts';
import { SipUri } from '../message/uri.ts';
import type { SipServer } from '../server.ts';
import { sipOf, tags } from './common.ts';

function rowOf(sip: SipServer, bare: string, binding: Binding): Row {
  const { contact, expires, flow, instance, q, regId, resource, userAgent } = binding;
  return {
    aor: bare,
    contact,
    instance: instance ?? '',
    transport: flow?.transport ?? '',
    expires_in: Math.max(0, Math.ceil((expires - Date.now()) / 1000)),
    user_agent: userAgent,
    q: String(q / 1000),
    flow: flow === undefined ? '' : `${flow.address} ${flow.port}${regId === undefined ? '' : ` reg-id ${regId}`}`,
    resource,
    reachable: String(sip.locations.way(binding) !== undefined),
  };
}

const registrations = defineCommand({
  name: 'sip_registrations',
  description: 'The contacts that phones of a host have registered.',
  tags,
  arguments: [host],
  result: 'table',
  run(parts, args) {
    const sip = sipOf(parts);
    const domain = hostOf(parts, args.host);
    return [...sip.bindings]
      .filter(([jid]) => jid.domain === domain)
      .flatMap(([jid, bindings]) => bindings.map((binding) => rowOf(sip, jid.bare, binding)));
  },
});

const unregister = defineCommand({
  name: 'sip_unregister',
  description: 'Take a contact of an account off, or all of them. Answers how many there were.',
  tags,
  arguments: [
    ...account,
    { name: 'contact', type: 'string', description: 'URI as sip_registrations tells it; empty for all', default: '' },
  ],
  result: 'value',
  run(parts, args) {
    const jid = accountOf(parts, args.user, args.host);
    const { bindings } = sipOf(parts);
    const before = bindings.of(jid.bare);
    const kept = args.contact === '' ? [] : before.filter(({ contact }) => contact !== args.contact);
    if (kept.length === before.length && args.contact !== '') {
      throw new CommandError(404, `${jid.bare} has no contact ${quoted(args.contact)}`);
    }
    bindings.put(jid, kept);
    return durably(parts, before.length - kept.length);
  },
});

const options = defineCommand({
  name: 'sip_options',
  description: 'Ask a phone or server what it can do (OPTIONS), and how long the answer takes.',
  tags,
  arguments: [
    { name: 'uri', type: 'string', description: 'SIP URI, of an account of this server or of any other place' },
  ],
  result: 'tuple',
  async run(parts, args) {
    const uri = SipUri.parse(args.uri);
    if (uri === undefined) throw new CommandError(400, `${quoted(args.uri)} is no SIP URI`);
    const sip = sipOf(parts);
    const request = optionsRequest(sip, uri);
    const before = performance.now();
    const response = await asked(sip, request, uri);
    return {
      status: response.status,
      reason: response.reason,
      rtt_ms: Math.round(performance.now() - before),
      server: response.get('Server') ?? response.get('User-Agent') ?? '',
      allow: response.list('Allow').join(', '),
      supported: response.list('Supported').join(', '),
      accept: response.list('Accept').join(', '),
    };
  },
});

function optionsRequest(sip: SipServer, uri: SipUri): SipRequest {
  const domain = sip.addresses.first;
  return SipRequest.make('OPTIONS', uri, [
    ['Max-Forwards', '70'],
    ['From', `<sip:${domain}>;tag=${randomBytes(8).toString('hex')}`],
    ['To', `<${String(uri)}>`],
    ['Call-ID', randomBytes(12).toString('hex')],
    ['CSeq', '1 OPTIONS'],
    ['Accept', 'application/sdp'],
  ]);
}

/** @throws CommandError 503 when nobody answers */
function asked(sip: SipServer, request: SipRequest, uri: SipUri): Promise<SipResponse> {
  const { promise, reject, resolve } = Promise.withResolvers<SipResponse>();
  const handler = {
    onResponse(response: SipResponse): void {
      if (response.status >= 200) resolve(response);
    },
    onTimeout: () => reject(new CommandError(503, 'no answer came in time')),
    onTransportError: (error: unknown) => reject(new CommandError(503, String(error))),
  };
  const found = sip.addresses.resolve(uri);
  if (found === undefined || found === 'malformed' || found.kind === 'host') sip.send(request, uri, handler);
  else {
    const session = [...sip.sessions].find(({ jid }) => jid.bare === found.jid.bare);
    if (session === undefined) throw new CommandError(404, `${found.jid.bare} has no phone`);
    const toPhone = request.edit().uri(requestUriOf(session.binding)).done();
    if (!sip.devices.reach(session, toPhone, handler)) throw new CommandError(503, 'there is no way to the phone now');
  }
  return promise;
}

const trace = defineCommand({
  name: 'sip_trace',
  description: 'Log all messages of a call or a user as they come and go, or stop it. Answers what is followed.',
  tags,
  arguments: [
    {
      name: 'what',
      type: 'string',
      description: 'A Call-ID, or a user: juliet@example.org; empty to ask',
      default: '',
    },
    { name: 'on', type: 'string', description: 'true or false', default: 'true' },
  ],
  result: 'list',
  run(parts, args) {
    const { trace: traces } = sipOf(parts).network;
    if (args.on !== 'true' && args.on !== 'false') throw new CommandError(400, 'on is true or false');
    if (args.what !== '' && args.on === 'false') traces.leave(args.what);
    else if (args.what !== '' && !traces.follow(args.what)) throw new CommandError(503, 'too much is followed already');
    return traces.followed;
  },
});

export const registrationCommands: readonly Command[] = [registrations, unregister, options, trace];
