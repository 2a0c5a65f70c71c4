/** XEP-0153: vCard-Based Avatars, version 1.1.1, Active. The server names the avatar's hash in presence, so that no client has to. */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Jid } from '#src/address/jid.ts';
import type { Documents } from '#src/im/documents.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import { parseDocument } from '#src/stanza/parse.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { VCARD } from './xep0054-vcard-temp.ts';

const UPDATE = 'vcard-temp:x:update';
const CACHED = 10_000;

export const vcardAvatars = defineModule({
  name: 'vcard_avatars',
  description: 'Names the avatar of the profile in presence.',
  specs: [{ document: 'XEP-0153', version: '1.1.1', title: 'vCard-Based Avatars', status: 'complete' }],
  needs: ['documents', 'presence', 'registry'],
  start(scope, { documents, presence, registry }) {
    const hashes = new Hashes(documents);
    scope.transform('presence/broadcast', 'main', (value, { jid }) => withHash(value, hashes.of(jid)));
    scope.watch('vcard/changed', ({ account }) => {
      if (!hashes.changed(account)) return;
      // Section 3.1: contacts learn of the change from presence.
      for (const session of registry.of(account.bare))
        if (session.presence !== undefined) presence.send(session, session.presence);
    });
    scope.watch('account/removed', ({ host, local }) => hashes.forget(`${local}@${host}`));
  },
});

/** What is known of an account's avatar: its hash, '' without an avatar, undefined without a vCard. */
class Hashes {
  readonly #documents: Documents;
  readonly #known = new Map<string, string | undefined>();

  constructor(documents: Documents) {
    this.#documents = documents;
  }

  of(account: Jid): string | undefined {
    const { bare } = account;
    if (this.#known.has(bare)) return this.#known.get(bare);
    const stored = this.#documents.get(account, VCARD);
    const hash = stored === undefined ? undefined : hashOf(stored);
    this.#known.set(bare, hash);
    if (this.#known.size > CACHED) for (const oldest of this.#known.keys()) return (this.#known.delete(oldest), hash);
    return hash;
  }

  /** Reads the new vCard. True when it shows another avatar. */
  changed(account: Jid): boolean {
    const old = this.#known.get(account.bare);
    const known = this.#known.delete(account.bare);
    return this.of(account) !== old || !known;
  }

  forget(bare: string): void {
    this.#known.delete(bare);
  }
}

/** Section 3.1: SHA-1 of the image, in lower-case hexadecimal; white space in the Base64 does not count. */
function hashOf(vcard: string): string {
  const length = Buffer.byteLength(vcard);
  const parsed = parseDocument(vcard, { maxBytes: length, maxDepth: 1024, maxAttributes: 1024, maxElements: length });
  const image =
    'element' in parsed ? parsed.element.getChild('PHOTO', VCARD)?.getChildText('BINVAL', VCARD) : undefined;
  const bytes = Buffer.from(image ?? '', 'base64');
  return bytes.length === 0 ? '' : createHash('sha1').update(bytes).digest('hex');
}

/** The presence with what the server knows in place of what the client says, but for a client that shows no avatar (XEP-0398 section 4). */
function withHash(presence: Stanza, hash: string | undefined): Stanza {
  const claimed = presence.child('x', UPDATE);
  if (claimed === undefined && hash === undefined) return presence;
  if (claimed?.getChild('photo', UPDATE)?.getText() === '') return presence;
  const others =
    claimed === undefined
      ? presence
      : presence.withChildren(...presence.element.getChildElements().filter((child) => child !== claimed));
  return hash === undefined
    ? others
    : others.withChild(`<x xmlns='${UPDATE}'>${hash === '' ? '<photo/>' : `<photo>${hash}</photo>`}</x>`);
}
