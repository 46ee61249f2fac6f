/**
 * DATE, DATETIME and TIMESTAMP texts as MySQL prints them, into ISO 8601 and epoch numbers: by their digits, so that no
 * microsecond is lost and no zone is applied (the session is UTC; a DATETIME is taken as UTC).
 */

const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?$/;

/** `2026-01-02 03:04:05.678` -> `2026-01-02T03:04:05.678Z`, a DATE stays as it is; null for zero dates and zero parts. */
export function isoText(text: string): string | null {
  if (!DATE_TIME.test(text) || text.startsWith('00', 5) || text.startsWith('00', 8)) return null;
  return text.length === 10 ? text : `${text.slice(0, 10)}T${text.slice(11)}Z`;
}

export interface EpochTime {
  /** Whole seconds since 1970-01-01T00:00:00Z, rounded down. */
  readonly seconds: number;
  /** 0 to 999,999, counted upwards from `seconds`. */
  readonly microseconds: number;
}

/** null for zero dates, zero parts, and days that the calendar does not have. */
export function epochTime(text: string): EpochTime | null {
  const match = DATE_TIME.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map((group) => Number(match[group] ?? '0')) as [
    number, number, number, number, number, number,
  ];
  // Date.UTC takes years below 100 for 19xx, so the year is set by itself.
  const date = new Date(Date.UTC(2000, month - 1, day, hour, minute, second));
  date.setUTCFullYear(year, month - 1, day);
  if (month < 1 || day < 1 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  return { seconds: date.getTime() / 1000, microseconds: Number((match[7] ?? '').padEnd(6, '0')) };
}

/**
 * The time in units of 10^-`decimals` seconds (0: s, 3: ms, 6: us) as an exact decimal text; digits finer than the unit stay as a
 * fraction.
 */
export function epochText(time: EpochTime, decimals: 0 | 3 | 6): string {
  const total = BigInt(time.seconds) * 1_000_000n + BigInt(time.microseconds);
  const negative = total < 0n;
  const digits = (negative ? -total : total).toString().padStart(7, '0');
  const cut = digits.length - 6 + decimals;
  const whole = digits.slice(0, cut).replace(/^0+(?=\d)/, '');
  const fraction = digits.slice(cut).replace(/0+$/, '');
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
