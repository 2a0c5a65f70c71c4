/** RFC 5626 section 7, for requests of the server's own. */
import test from 'ava';
import { FlowAttempt } from '#protocols/sip/flow-attempt.ts';
import { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';

const MESSAGE = SipRequest.make('MESSAGE', 'sip:juliet@example.org', [['Call-ID', 'a']]);

function attempt(others: boolean): {
  readonly handler: FlowAttempt;
  readonly heard: string[];
  readonly asked: number[];
} {
  const heard: string[] = [];
  const asked: number[] = [];
  const user = {
    onResponse: ({ status }: SipResponse) => void heard.push(String(status)),
    onTimeout: () => void heard.push('timeout'),
    onTransportError: () => void heard.push('error'),
    onTerminated: () => void heard.push('end'),
  };
  const handler = new FlowAttempt(user, (status) => {
    asked.push(status);
    return others;
  });
  return { handler, heard, asked };
}

const events: readonly (readonly [what: string, fire: (handler: FlowAttempt) => void, asked: number | undefined])[] = [
  ['200', (handler) => handler.onResponse(SipResponse.to(MESSAGE, 200)), undefined],
  ['404', (handler) => handler.onResponse(SipResponse.to(MESSAGE, 404)), undefined],
  ['503', (handler) => handler.onResponse(SipResponse.to(MESSAGE, 503)), undefined],
  ['408', (handler) => handler.onResponse(SipResponse.to(MESSAGE, 408)), 408],
  ['430', (handler) => handler.onResponse(SipResponse.to(MESSAGE, 430)), 430],
  ['timeout', (handler) => handler.onTimeout(), 408],
  ['error', (handler) => handler.onTransportError(new Error('closed')), 408],
];
for (const [what, fire, status] of events) {
  test(`${what}: ${status === undefined ? 'the instance has answered' : 'another flow is tried'}`, (t) => {
    const { asked, handler, heard } = attempt(true);
    fire(handler);
    handler.onTerminated();
    t.deepEqual(asked, status === undefined ? [] : [status]);
    t.deepEqual(heard, status === undefined ? [what, 'end'] : [], 'the user hears of the last flow alone');
  });

  test(`${what}, and there is no other flow: the user hears it`, (t) => {
    const { handler, heard } = attempt(false);
    fire(handler);
    handler.onTerminated();
    t.deepEqual(heard, [what, 'end']);
  });
}
