import test from 'ava';
import { messageAround } from '#tools/bench/xmpp/chat.ts';

test('a message is 300 bytes whatever its address, and carries a chat state and a receipt request', (t) => {
  for (const to of ['bench1@localhost', 'bench199@localhost/bench']) {
    const message = messageAround(to, 8).join('12345678');
    t.is(message.length, 300);
    t.true(message.includes("<active xmlns='http://jabber.org/protocol/chatstates'/>"));
    t.true(message.includes("<request xmlns='urn:xmpp:receipts'/>"));
  }
});
