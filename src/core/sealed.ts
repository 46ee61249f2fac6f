/**
 * A setting whose value holds something of the environment, as a state keeps it: the text of the config (`tenant = '${TENANT}'`), and behind
 * a sign that no text has, a mark that tells whether the value is still the same (`config/seal.ts` makes it). Neither the value nor the
 * mark is shown: variables are where secrets live.
 */

/** No text of a config that YAML prints has one. */
const SEAL = '\u0000';

/** @param written text of the config, with `${NAME}` in it */
export function sealedText(written: string, mark: string): string {
  return `${written}${SEAL}${mark}`;
}

export function isSealed(value: unknown): value is string {
  return typeof value === 'string' && value.includes(SEAL);
}

/** What may be shown of a setting: of a sealed one, the text of the config. */
export function shownOf(value: unknown): unknown {
  return isSealed(value) ? value.slice(0, value.lastIndexOf(SEAL)) : value;
}

export function markIn(sealed: string): string {
  return sealed.slice(sealed.lastIndexOf(SEAL) + 1);
}
