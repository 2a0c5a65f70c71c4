/** RFC 3261 section 20.17: Date. */
const DAYS: ReadonlySet<string> = new Set(['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']);
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const SHAPE = /^([A-Z][a-z]{2}), ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT$/;

/** rfc1123-date: "SIP restricts the time zone in SIP-date to 'GMT', while RFC 1123 allows any". */
export function parseDate(value: string): Date | undefined {
  const [, day = '', ...fields] = SHAPE.exec(value) ?? [];
  const [date, month = '', year, hours, minutes, seconds] = fields;
  if (!DAYS.has(day) || !MONTHS.includes(month)) return undefined;
  const numbers = [hours, minutes, seconds].map(Number);
  const [h = 0, m = 0, s = 0] = numbers;
  const parsed = new Date(Date.UTC(Number(year), MONTHS.indexOf(month), Number(date), h, m, s));
  // A field that is out of range runs over into the next: 31 Feb, 24:00:00.
  return parsed.getUTCDate() === Number(date) && parsed.getUTCHours() === h && parsed.getUTCMinutes() === m
    ? parsed
    : undefined;
}

export const formatDate = (date: Date): string => date.toUTCString();
