/** Numbers for an operator's eye. Everything here is text of ASCII, so its length is its width on a terminal. */

/** `1,234,567` */
export function count(value: number): string {
  // Not `toLocaleString`: its first call loads tables of locales, for 15 ms of processor time.
  return String(Math.round(value)).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

const SUFFIXES = ['', 'k', 'M', 'G', 'T'] as const;

/** Returns at most five characters for anything below 1,000 T: `7`, `950`, `12.3k`, `4.5M`. */
export function compact(value: number): string {
  let scaled = Math.max(0, value);
  let step = 0;
  // What rounds up to 1,000 is written in the next unit.
  while (step < SUFFIXES.length - 1 && Math.round(scaled) >= 1000) {
    scaled /= 1000;
    step += 1;
  }
  if (step === 0) return String(Math.round(scaled));
  return `${scaled.toFixed(scaled < 99.95 ? 1 : 0).replace(/\.0$/, '')}${SUFFIXES[step]}`;
}

/** The two largest units of a time: `9s`, `4m 05s`, `3h 07m`, `2d 3h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3_600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days > 0) return `${days}d ${hours}h`;
  if (hours > 0) return `${hours}h ${twoDigits(minutes)}m`;
  return minutes > 0 ? `${minutes}m ${twoDigits(whole % 60)}s` : `${whole}s`;
}

/**
 * `1h 20m ago`
 * @param age how long, in ms; null: nobody can tell, since the clock was set back, or another machine compared
 */
export function agoWords({ ms }: { readonly ms: number | null }): string {
  return ms === null
    ? 'an unknown time ago (the clock was set back, or the state is of another machine)'
    : `${duration(ms / 1_000)} ago`;
}

/** `2026-11-30 05:12 UTC` @param at ms since the epoch */
export function minuteOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** `0.0%` to `99.9%` of an estimate: work that is not known to be complete is never 100%. */
export function percent(done: number, total: number): string {
  const share = total > 0 ? done / total : 0;
  return `${(Math.floor(Math.min(0.999, share) * 1000) / 10).toFixed(1)}%`;
}

/** `512 B`, `4.0 MiB` */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const step = value < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  return `${step === 0 ? value : (value / 1024 ** step).toFixed(1)} ${units[step]}`;
}

/** `1 row`, `2 rows`, `12,345 rows` */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
