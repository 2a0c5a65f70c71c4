/**
 * SIP messages for the parser to judge. Whole ones have to be taken; whatever is taken has to be written in the bytes it came in, keep
 * all that an edit does not name, and read the same when it is written and read again; a stream is read the same however it is cut.
 */
import { Buffer } from 'node:buffer';
import { type Framed, Framer } from '#protocols/sip/message/framer.ts';
import { type SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { NameAddr } from '#protocols/sip/message/name-addr.ts';
import { type Malformed, parseMessage } from '#protocols/sip/message/parse.ts';
import { parseUri } from '#protocols/sip/message/uri.ts';
import { validateRequest, validateResponse } from '#protocols/sip/message/validate.ts';
import { Via } from '#protocols/sip/message/via.ts';
import { Random } from '#test/fuzz/random.ts';
import { chunksOf, damagedMessage, streamOf, wholeMessage } from '#test/fuzz/sip-messages.ts';
import { sdpRound } from '#test/fuzz/sip-sdp.ts';

type Message = SipRequest | SipResponse;

const show = (bytes: Buffer): string => JSON.stringify(bytes.toString('latin1'));

function fail(what: string, bytes: Buffer): never {
  throw new Error(`${what}: ${show(bytes)}`);
}

/** All that a message says, as text. */
const readingOf = (message: Message): string =>
  JSON.stringify([
    message.startLine,
    message.vias?.map(String),
    [message.from, message.to].map(String),
    message.callId,
    message.cseq,
    message.contacts?.map(String),
    message.recordRoutes?.map(String),
    message.contentType?.type,
    message.expires,
    message.body.toString('latin1'),
    message.kind === 'request' && [String(message.requestUri), message.maxForwards, message.routes?.map(String)],
    message.kind === 'request' ? validateRequest(message) : validateResponse(message),
  ]);

/** Values that were read, written and read again are the same. */
function checkValues(message: Message, bytes: Buffer): void {
  for (const via of message.vias ?? []) {
    if (String(Via.parse(String(via))) !== String(via)) fail('Via', bytes);
    const seen = Via.parse(String(via.with('received', '192.0.2.9').with('rport', '5')));
    if (seen?.received !== '192.0.2.9' || seen.rport !== 5 || seen.branch !== via.branch)
      fail('Via with received', bytes);
  }
  const addresses = [message.from, message.to, ...(message.contacts ?? []), ...(message.recordRoutes ?? [])];
  for (const address of addresses) {
    if (address === undefined) continue;
    const again = NameAddr.parse(String(address));
    if (String(again) !== String(address) || again?.display !== address.display) fail('name-addr', bytes);
    const uri = address.sipUri;
    if (uri === undefined) continue;
    const same = parseUri(String(uri.with({})));
    if (same?.kind !== 'sip' || !same.equals(uri) || same.aor !== uri.aor) fail(`URI ${String(uri)}`, bytes);
  }
}

function checkEdit(message: Message, bytes: Buffer): void {
  const edited = message
    .edit()
    .prepend('Via', 'SIP/2.0/TCP proxy.example;branch=z9hG4bKfuzz')
    .set('X-Fuzz', 'a\r\nb')
    .done();
  const again = parseMessage(edited.toBytes());
  // An edit adds a Via and a field: what was at a limit may now be over it.
  if (again.kind === 'malformed') {
    if (again.status === 513 || /^Too Many|Too Long$/.test(again.reason)) return;
    fail(`edited: ${again.reason}`, bytes);
  }
  if (again.startLine !== message.startLine || !again.body.equals(message.body))
    fail('edited start line or body', bytes);
  if (again.via?.sentBy !== 'proxy.example' || again.get('X-Fuzz') !== 'a b') fail('edit', bytes);
  const kept = new Set(again.headers.fields.map(({ text }) => text));
  for (const { name, text } of message.headers.fields) {
    if (!kept.has(text) && name !== 'Content-Length' && name !== 'x-fuzz') fail(`lost ${text}`, bytes);
  }
}

// A refusal carries nothing but fields of the request, whatever those hold.
function checkRefusal({ request, status }: Malformed, bytes: Buffer): void {
  if (request === undefined) return;
  if (request.method === 'ACK') fail('an ACK to answer', bytes);
  const answer = SipResponse.to(request, status, { tag: 'x' });
  const copied = request.headers.fields.filter(({ name }) => ['Via', 'From', 'To', 'Call-ID', 'CSeq'].includes(name));
  if (answer.headers.fields.length !== copied.length + 1) fail('fields of a refusal', bytes);
}

/** Undefined for what was refused. */
export function checkDatagram(bytes: Buffer): Message | undefined {
  const copy = Buffer.from(bytes);
  const message = parseMessage(bytes);
  if (message.kind === 'malformed') {
    checkRefusal(message, bytes);
    return undefined;
  }
  if (!bytes.includes(message.toBytes())) fail('bytes', bytes);
  const again = parseMessage(message.toBytes());
  if (again.kind === 'malformed' || readingOf(again) !== readingOf(message)) fail('read again', bytes);
  checkValues(message, bytes);
  checkEdit(message, bytes);
  if (!bytes.equals(copy)) fail('the datagram was written to', copy);
  return message;
}

const told = (framed: Framed): string => {
  if (framed.kind === 'malformed')
    return JSON.stringify([framed.status, framed.reason, framed.fatal, framed.request?.startLine]);
  return framed.kind === 'ping' || framed.kind === 'pong' ? framed.kind : framed.toBytes().toString('latin1');
};

/** A stream is read the same in any chunks, and each of its messages as the datagram that it would be. */
export function checkStream(bytes: Buffer, chunks: readonly Buffer[]): void {
  const whole = new Framer().push(bytes);
  const framer = new Framer();
  const inPieces: Framed[] = [];
  for (const chunk of chunks) {
    inPieces.push(...framer.push(chunk));
    if (framer.buffered > 66_000) fail(`${framer.buffered} bytes kept`, bytes);
  }
  // Told after the last chunk, so that a message whose bytes were written over shows.
  if (whole.map(told).join('\n') !== inPieces.map(told).join('\n')) fail('cut stream', bytes);
  for (const framed of whole) {
    if (framed.kind !== 'request' && framed.kind !== 'response') continue;
    const alone = parseMessage(framed.toBytes());
    if (alone.kind === 'malformed' || readingOf(alone) !== readingOf(framed)) fail('framed message', framed.toBytes());
  }
}

export function round(seed: number): number {
  const random = new Random(seed);
  for (let count = 0; count < 20; count++) {
    const bytes = wholeMessage(random);
    const message = checkDatagram(bytes);
    if (message === undefined) fail('a message of the grammar is refused', bytes);
    if (message.via === undefined || message.from === undefined || message.to === undefined) fail('not read', bytes);
    checkDatagram(damagedMessage(random));
    checkDatagram(damagedMessage(random));
    const stream = streamOf(random);
    checkStream(stream, chunksOf(stream, random));
  }
  return 80 + sdpRound(random);
}
