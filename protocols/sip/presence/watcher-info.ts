/** RFC 3858: who watches an account, `application/watcherinfo+xml`. The whole state each time. */
import { createHash } from 'node:crypto';
import { escapeAttribute, escapeText } from '#src/stanza/serialise.ts';

export interface Watcher {
  /** A URI. */
  readonly uri: string;
  readonly status: 'active' | 'pending';
  /** Seconds until it ends; undefined for what does not end by itself. */
  readonly expiration: number | undefined;
  /** Seconds since it began, where that is known. */
  readonly subscribed: number | undefined;
}

/** @param version grows with each document of a subscription */
export function writeWatcherInfo(resource: string, version: number, watchers: readonly Watcher[]): string {
  const written = watchers.map(({ expiration, status, subscribed, uri }) => {
    const id = createHash('sha256').update(uri).digest('hex').slice(0, 16);
    const times =
      (expiration === undefined ? '' : ` expiration='${expiration}'`) +
      (subscribed === undefined ? '' : ` duration-subscribed='${subscribed}'`);
    const event = status === 'active' ? 'approved' : 'subscribe';
    return `<watcher id='w${id}' status='${status}' event='${event}'${times}>${escapeText(uri)}</watcher>`;
  });
  return (
    `<?xml version='1.0' encoding='UTF-8'?><watcherinfo xmlns='urn:ietf:params:xml:ns:watcherinfo' version='${version}' state='full'>` +
    `<watcher-list resource='${escapeAttribute(resource)}' package='presence'>${written.join('')}</watcher-list></watcherinfo>`
  );
}
