/**
 * A sealed text is a setting with a value from the environment, in the form in which the state keeps it. It has the
 * text of the config (`tenant = '${TENANT}'`). Behind a sign come 24 hexadecimal digits, the mark, which shows whether
 * the value is still the same (`config/binding/seal.ts` makes it). Neither the value nor the mark is shown, because
 * environment variables often hold secrets.
 */

/**
 * The sign before the mark. A config's own text can also hold this character, written as an escape ("\\0"), so only the
 * mark behind it proves a seal.
 */
const SEAL = '\u0000';
const MARK = /\u0000[0-9a-f]{24}$/;

/** Returns the sealed text. @param written text of the config, with `${NAME}` in it */
export function sealedText(written: string, mark: string): string {
  return `${written}${SEAL}${mark}`;
}

export function isSealed(value: unknown): value is string {
  return typeof value === 'string' && MARK.test(value);
}

/** Returns the part of a setting that may be shown: the text of the config where the setting is sealed. */
export function shownOf(value: unknown): unknown {
  return isSealed(value) ? value.slice(0, value.lastIndexOf(SEAL)) : value;
}

export function markIn(sealed: string): string {
  return sealed.slice(sealed.lastIndexOf(SEAL) + 1);
}
