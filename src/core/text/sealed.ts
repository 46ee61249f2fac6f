/**
 * A setting whose value holds something of the environment, as a state keeps it: the text of the config (`tenant =
 * '${TENANT}'`), and behind a sign, 24 hexadecimal digits that tell whether the value is still the same
 * (`config/binding/seal.ts` makes them). Neither the value nor the mark is shown: variables are where secrets live.
 */

/** A text of a config has one where it was written as an escape ("\\0"): the mark behind it tells a seal. */
const SEAL = '\u0000';
const MARK = /\u0000[0-9a-f]{24}$/;

/** @param written text of the config, with `${NAME}` in it */
export function sealedText(written: string, mark: string): string {
  return `${written}${SEAL}${mark}`;
}

export function isSealed(value: unknown): value is string {
  return typeof value === 'string' && MARK.test(value);
}

/** What may be shown of a setting: of a sealed one, the text of the config. */
export function shownOf(value: unknown): unknown {
  return isSealed(value) ? value.slice(0, value.lastIndexOf(SEAL)) : value;
}

export function markIn(sealed: string): string {
  return sealed.slice(sealed.lastIndexOf(SEAL) + 1);
}
