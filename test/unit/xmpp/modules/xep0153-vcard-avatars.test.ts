import test from 'ava';
import { vcard } from '#protocols/xmpp/modules/xep0054-vcard-temp.ts';
import { vcardAvatars } from '#protocols/xmpp/modules/xep0153-vcard-avatars.ts';
import { TestCore } from '#test/helpers/core.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';
/** SHA-1 of "image". */
const HASH = '0e76292794888d4f1fa75fb3aff4ca27c58f56a6';
const card = (photo: string): string => `<vCard xmlns='vcard-temp'><FN>J</FN>${photo}</vCard>`;
const PHOTO = '<PHOTO><TYPE>image/png</TYPE><BINVAL>\n  aW1h\n  Z2U=\n</BINVAL></PHOTO>';
const update = (inner: string): string => `<x xmlns='vcard-temp:x:update'>${inner}</x>`;

async function verona() {
  const core = await TestCore.open({ accounts: [JULIET, ROMEO] });
  core.start(vcard);
  core.start(vcardAvatars);
  core.befriend(JULIET, ROMEO);
  const romeo = core.login(`${ROMEO}/orchard`);
  const juliet = core.login(`${JULIET}/balcony`);
  romeo.take();
  return { core, juliet, romeo };
}

const presence = (inner: string): string => `<presence from='${JULIET}/balcony' to='${ROMEO}'>${inner}</presence>`;

test('a new avatar is announced to contacts, in place of what the client says', async (t) => {
  const { juliet, romeo } = await verona();
  await juliet.iq('set', card(PHOTO));
  romeo.got(t, presence(update(`<photo>${HASH}</photo>`)));
  juliet.send(`<presence><show>away</show>${update('<photo>0000</photo>')}<priority>1</priority></presence>`);
  romeo.got(t, presence(`<show>away</show><priority>1</priority>${update(`<photo>${HASH}</photo>`)}`));
  juliet.send(`<presence>${update('')}</presence>`);
  romeo.got(t, presence(update(`<photo>${HASH}</photo>`)));
});

test('a vCard without an avatar says so, no vCard says nothing', async (t) => {
  const { juliet, romeo } = await verona();
  juliet.send('<presence/>');
  romeo.got(t, presence(''));
  juliet.send(`<presence>${update('<photo>0000</photo>')}</presence>`);
  romeo.got(t, presence(''));
  await juliet.iq('set', card(''));
  romeo.got(t, presence(update('<photo/>')));
});

test('a client that shows no avatar is left alone (XEP-0398 section 4)', async (t) => {
  const { juliet, romeo } = await verona();
  await juliet.iq('set', card(PHOTO));
  romeo.take();
  juliet.send(`<presence>${update('<photo/>')}</presence>`);
  romeo.got(t, presence(update('<photo/>')));
});

test('a vCard with the same avatar is no news', async (t) => {
  const { juliet, romeo } = await verona();
  await juliet.iq('set', card(PHOTO));
  romeo.take();
  await juliet.iq('set', card(`<NICKNAME>j</NICKNAME>${PHOTO}`));
  romeo.got(t);
});

test('every device of the account announces it, those that are not available do not', async (t) => {
  const { core, juliet, romeo } = await verona();
  core.connect(`${JULIET}/silent`);
  core.login(`${JULIET}/chamber`, 3);
  romeo.take();
  await juliet.iq('set', card(PHOTO));
  t.deepEqual(
    romeo.take().map(({ from }) => from?.resource),
    ['balcony', 'chamber'],
  );
  t.is(core.registry.of(JULIET).find(({ jid }) => jid.resource === 'chamber')?.priority, 3);
});

test('the announcement survives its account being made anew', async (t) => {
  const { core, juliet } = await verona();
  await juliet.iq('set', card(PHOTO));
  juliet.leave();
  core.accounts.remove('capulet.lit', 'juliet');
  await core.accounts.create('capulet.lit', 'juliet', 'x');
  const again = core.connect(`${JULIET}/balcony`);
  again.available();
  again.got(t, `<presence from='${JULIET}/balcony' to='${JULIET}'/>`);
});
