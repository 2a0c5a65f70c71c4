import test from 'ava';
import { sdpBody } from '#protocols/sip/media/body.ts';
import { type FieldList, SipRequest } from '#protocols/sip/message/message.ts';

const PART = 'v=0\r\n';

const request = (type: string, body: string, fields: FieldList = []): SipRequest =>
  SipRequest.make('INVITE', 'sip:a@example.org', fields, { type, bytes: Buffer.from(body) });

/** The description, and the body with another one in it; undefined when none is found. */
function found(type: string, body: string, fields?: FieldList): readonly string[] | undefined {
  const part = sdpBody(request(type, body, fields));
  return part && [part.sdp.toString(), part.with(Buffer.from('new')).toString()];
}

const mixed = (header: string, sdp = PART): string =>
  `preamble\r\n--b\r\nContent-Type: application/isup\r\n\r\n\u0001\r\n--b\r\n${header}\r\n\r\n${sdp}\r\n--b--\r\n`;

test('a body of its own', (t) => {
  t.deepEqual(found('application/sdp', PART), [PART, 'new']);
  t.deepEqual(found('Application/SDP;charset=utf-8', PART), [PART, 'new']);
  t.is(found('application/sdp', ''), undefined);
  t.is(found('text/plain', PART), undefined);
  t.is(found('nonsense', PART), undefined);
  t.is(found('application/sdp', PART, [['Content-Encoding', 'gzip']]), undefined);
});

test('a part of a body (RFC 5621 section 3.1)', (t) => {
  const types = ['multipart/mixed;boundary=b', 'Multipart/Alternative; boundary="b"'];
  for (const type of types) {
    const header = 'Content-Type: application/sdp\r\nContent-Disposition: session;handling=required';
    t.deepEqual(found(type, mixed(header)), [PART, mixed(header, 'new')]);
  }
  const first = `--b\r\ncontent-type:APPLICATION/SDP ;x=y\r\n\r\n${PART}\r\n--b--`;
  t.deepEqual(found('multipart/mixed;boundary=b', first), [PART, first.replace(PART, 'new')]);
});

test('parts that are none, are encoded, or do not end', (t) => {
  const type = 'multipart/mixed;boundary=b';
  t.is(found(type, mixed('Content-Type: application/sdpx')), undefined);
  t.is(found(type, mixed('Content-Type: application/sdp\r\nContent-Transfer-Encoding: base64')), undefined);
  t.is(found(type, mixed('Content-Type: application/sdp\r\nContent-Length: 5')), undefined);
  t.is(found(type, mixed('Content-Type: application/sdp').replace('--b--', '')), undefined);
  t.is(found(type, ''), undefined);
  t.is(found(type, '--b'), undefined);
  t.is(found('multipart/mixed', mixed('Content-Type: application/sdp')), undefined);
  t.is(found(type, '--b\r\n\r\nx\r\n'.repeat(40) + mixed('Content-Type: application/sdp')), undefined);
});
