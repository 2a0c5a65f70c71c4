import type { Binding } from './binding.ts';

/** One value of Contact in a REGISTER. */
export interface AskedContact {
  readonly uri: string;
  readonly params: Binding['params'];
  /** Thousandths. */
  readonly q: number;
  /** Seconds, where the value has the parameter. */
  readonly expires: number | undefined;
  readonly instance: string | undefined;
  /** Undefined too when RFC 5626 does not hold for the request. */
  readonly regId: number | undefined;
}

/** What a REGISTER asks, read from the request. */
export interface Asked {
  readonly contacts: '*' | readonly AskedContact[];
  /** Seconds: the header field Expires. */
  readonly expires: number | undefined;
  readonly callId: string;
  readonly cseq: number;
  readonly path: readonly string[];
  readonly flow: Binding['flow'];
  readonly userAgent: string;
}

/** Seconds and counts. */
export interface RegistrationLimits {
  readonly min: number;
  readonly max: number;
  readonly preset: number;
  readonly contacts: number;
}

export interface RegistrationContext {
  readonly now: number;
  readonly limits: RegistrationLimits;
  /** RFC 3261 section 19.1.4. */
  readonly same: (one: string, other: string) => boolean;
  /** The resource that stands for a device. */
  readonly resource: (device: string) => string;
  /** A new word for temporary GRUUs. */
  readonly gruu: () => string;
}

export interface Denied {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}
export type Registered = { readonly bindings: readonly Binding[] } | { readonly denied: Denied };

const denied = (status: number, reason: string, ...fields: Denied['fields'][number][]): Registered => ({
  denied: { status, reason, fields },
});

/** "the update MUST be aborted and the request fails": as requests out of order in a dialog do (section 12.2.2). */
const OUT_OF_ORDER = denied(500, 'CSeq Out Of Order');

/** Steps 6 and 7 of RFC 3261 section 10.3, all or nothing. @returns the bindings that then stand */
export function register(current: readonly Binding[], asked: Asked, context: RegistrationContext): Registered {
  if (asked.contacts === '*') return removeAll(current, asked);
  let bindings = current;
  for (const contact of asked.contacts) {
    const seconds = interval(contact, asked, context);
    if (typeof seconds !== 'number') return seconds;
    const known = current.find((binding) => isOf(binding, contact, context));
    // "If they are the same, the registrar compares the CSeq value. If the value is higher than that of the existing binding, it MUST
    // update or remove the binding as above. If not, the update MUST be aborted and the request fails."
    if (known?.callId === asked.callId && known.cseq >= asked.cseq) return OUT_OF_ORDER;
    const others = bindings.filter((binding) => !isOf(binding, contact, context));
    bindings = seconds === 0 ? others : [...others, bound(contact, asked, seconds, current, known, context)];
  }
  // What a refresh keeps is never too much, also when the limit was lowered meanwhile.
  if (bindings.length > Math.max(context.limits.contacts, current.length)) return denied(403, 'Too Many Contacts');
  return { bindings };
}

/** Step 6. */
function removeAll(current: readonly Binding[], { callId, cseq, expires }: Asked): Registered {
  // "If the request has additional Contact fields or an expiration time other than zero, the request is invalid"
  if (expires !== 0) return denied(400, 'Contact * Needs Expires 0');
  // "If it does agree, it MUST remove the binding only if the CSeq in the request is higher than the value stored for that binding.
  // Otherwise, the update MUST be aborted and the request fails."
  if (current.some((binding) => binding.callId === callId && binding.cseq >= cseq)) return OUT_OF_ORDER;
  return { bindings: [] };
}

/** Step 7: the seconds that a binding gets, 0 to remove it. */
function interval(contact: AskedContact, { expires }: Asked, { limits }: RegistrationContext): number | Registered {
  const requested = contact.expires ?? expires ?? limits.preset;
  // "If and only if the requested expiration interval is greater than zero AND smaller than one hour AND less than a
  // registrar-configured minimum, the registrar MAY reject the registration with a response of 423"
  if (requested > 0 && requested < 3600 && requested < limits.min) {
    return denied(423, 'Interval Too Brief', ['Min-Expires', String(limits.min)]);
  }
  return Math.min(requested, limits.max);
}

/** "using the URI comparison rules"; over flows "between an AOR and the combination of the instance-id … and the value of reg-id". */
function isOf(binding: Binding, contact: AskedContact, { same }: RegistrationContext): boolean {
  if (binding.regId !== undefined || contact.regId !== undefined) {
    return binding.regId === contact.regId && binding.instance === contact.instance;
  }
  return same(binding.contact, contact.uri);
}

function bound(
  contact: AskedContact,
  { callId, cseq, flow, path, userAgent }: Asked,
  seconds: number,
  current: readonly Binding[],
  known: Binding | undefined,
  { gruu, now, resource }: RegistrationContext,
): Binding {
  const { instance, params, q, regId, uri } = contact;
  return {
    contact: uri,
    params,
    q,
    expires: now + seconds * 1000,
    callId,
    cseq,
    path,
    userAgent,
    resource: resource(instance ?? uri),
    // A device without an instance has no GRUU.
    gruu: instance === undefined ? '' : (lastOf(current, contact, callId) ?? gruu()),
    since: known?.since ?? now,
    ...(instance === undefined ? {} : { instance }),
    ...(regId === undefined ? {} : { regId }),
    ...(flow === undefined ? {} : { flow }),
  };
}

/**
 * RFC 5627 section 5.1: of the contacts of the same instance (and flow) the one most recently registered; "If it differs from the one in the
 * REGISTER request, the registrar MUST invalidate all previously generated temporary GRUUs".
 */
function lastOf(current: readonly Binding[], { instance, regId }: AskedContact, callId: string): string | undefined {
  const last = current.findLast((binding) => binding.instance === instance && binding.regId === regId);
  return last?.callId === callId ? last.gruu : undefined;
}
