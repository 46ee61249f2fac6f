/**
 * Seals the settings that use environment variables (`core/text/sealed.ts`), and compares sealed ones. The mark is a
 * slow hash (scrypt), so that nobody can quickly search for the value.
 *
 * Everything that `fingerprint.ts` binds a state to passes through here. The exceptions are names that messages need:
 * host, database, target table, region and endpoint. README.md lists them.
 */
import { scryptSync } from 'node:crypto';
import { isSealed, markIn, sealedText, shownOf } from '../../core/text/sealed.js';

/** Bytes of a mark: 24 hexadecimal digits. */
const MARK_BYTES = 12;
/** The cost of scrypt: about ten milliseconds for each value, once in a process. */
const COST = { N: 4096, r: 8, p: 1 };

const marks = new Map<string, string>();

/**
 * Seals a setting.
 *
 * @param written the text of the config, with `${NAME}`
 * @param value the setting with the present environment
 */
export function sealed(written: string, value: string | number | boolean): string {
  return sealedText(written, markOf(value));
}

/**
 * Returns the stored value in the form of the given one. An equal value becomes the given one, whichever of the two is
 * sealed. A different value that an earlier version stored in plain text is sealed, since it may be of the same
 * variable.
 */
export function sealedLike(stored: unknown, given: unknown): unknown {
  if (Array.isArray(stored) && Array.isArray(given)) {
    return stored.map((part, index): unknown => sealedLike(part, given[index]));
  }
  if (isRecord(stored) && isRecord(given)) {
    return Object.fromEntries(
      Object.entries(stored).map(([name, part]) => [
        name,
        sealedLike(part, Object.hasOwn(given, name) ? given[name] : undefined),
      ]),
    );
  }
  if (!isValue(stored) || !isValue(given) || (!isSealed(stored) && !isSealed(given))) return stored;
  if (sealOf(stored) === sealOf(given)) return given;
  return isSealed(stored) ? stored : sealed(String(shownOf(given)), stored);
}

function sealOf(value: string | number | boolean): string {
  return isSealed(value) ? markIn(value) : markOf(value);
}

function markOf(value: string | number | boolean): string {
  const text = JSON.stringify(value);
  const known = marks.get(text);
  if (known !== undefined) return known;
  const mark = scryptSync(text, 'dynaferry: a setting from the environment', MARK_BYTES, COST).toString('hex');
  marks.set(text, mark);
  return mark;
}

function isValue(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
