/** What datetime.ts gives, made another way: a regular expression and the Date of JavaScript. */
const DATE_TIME = /^\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d{1,6})?)?$/;

/** The calendar repeats after 400 years. Date.UTC takes years below 100 for 19xx, so it is asked one cycle later. */
const CYCLE_MS = 146_097 * 86_400_000;

export function plainIso(text: string): string | null {
  if (plainSeconds(text) === null) return null;
  return text.length === 10 ? text : `${text.slice(0, 10)}T${text.slice(11)}Z`;
}

/** Whole seconds since 1970. */
export function plainSeconds(text: string): number | null {
  if (!DATE_TIME.test(text)) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (text.match(/\d+/g) ?? []).map(Number);
  const midnight = new Date(Date.UTC(year + 400, month - 1, day));
  // What the calendar does not have, Date carries over into another month.
  if (midnight.getUTCMonth() !== month - 1 || midnight.getUTCDate() !== day) return null;
  return (Date.UTC(year + 400, month - 1, day, hour, minute, second) - CYCLE_MS) / 1000;
}
