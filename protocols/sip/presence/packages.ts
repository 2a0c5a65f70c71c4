/** The event packages that the server notifies of (RFC 6665 section 7.2). */
import { accepts, parseMediaRange } from '../message/accept.ts';
import { parseEvent } from '../message/event.ts';
import type { SipRequest } from '../message/message.ts';

/** `presence`: RFC 3856. `presence.winfo`: RFC 3857. */
export type EventPackage = 'presence' | 'presence.winfo';
export const EVENT_PACKAGES: readonly EventPackage[] = ['presence', 'presence.winfo'];

export const PIDF = 'application/pidf+xml';
export const WATCHER_INFO = 'application/watcherinfo+xml';
export const RLMI = 'application/rlmi+xml';
export const MULTIPART = 'multipart/related';
/** RFC 4662 section 4.1: the option tag. */
export const EVENT_LIST = 'eventlist';

/** What a request subscribes to or publishes; undefined for no package, or one that nobody here knows. */
export function packageOf(
  request: SipRequest,
): { readonly name: EventPackage; readonly id: string | undefined } | undefined {
  const event = parseEvent(request.get('Event') ?? '');
  const name = EVENT_PACKAGES.find((known) => known === event?.type);
  return event === undefined || name === undefined ? undefined : { name, id: event.id };
}

/** Whether a subscriber takes a type; without Accept it takes what is usual for the package. */
export function takes(request: SipRequest, type: string): boolean {
  if (!request.headers.has('Accept')) return true;
  const ranges = request.list('Accept').flatMap((element) => parseMediaRange(element) ?? []);
  return accepts(ranges, type);
}
