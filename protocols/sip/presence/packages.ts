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

/**
 * Packages about accounts: presence, and those that a server has to know which has voice mail (RFC 3842), registrations to tell of (RFC 3680),
 * conferences (RFC 4575), profiles (RFC 6080) or XCAP documents (RFC 5875).
 */
const OF_ACCOUNTS: ReadonlySet<string> = new Set([
  'presence',
  'message-summary',
  'reg',
  'conference',
  'ua-profile',
  'xcap-diff',
]);

/** Whether a request subscribes to something that a device knows of itself, such as its dialogs (RFC 4235). */
export function isOfDevices(request: SipRequest): boolean {
  const event = parseEvent(request.get('Event') ?? '');
  return event !== undefined && !OF_ACCOUNTS.has(event.package);
}

/** Whether a subscriber takes a type; without Accept it takes what is usual for the package. */
export function takes(request: SipRequest, type: string): boolean {
  if (!request.headers.has('Accept')) return true;
  const ranges = request.list('Accept').flatMap((element) => parseMediaRange(element) ?? []);
  return accepts(ranges, type);
}
