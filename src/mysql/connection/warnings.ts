/**
 * A SELECT that ends with a warning is not a result: the server answered something else than it was asked for, and went
 * on. MariaDB gives NULL for a conversion that grows beyond max_allowed_packet; a condition that compares a text with a
 * number leaves rows out. The count comes with the end of the rows, at no cost; what the warnings are is asked only
 * where there are some. Codes are shown, never the messages: they quote row values.
 *
 * How far this was followed: the warnings and notes that were found in reading the error lists of MySQL 9.7 and MariaDB
 * 10.11 for those that a SELECT may end with, and those that tests on MySQL 5.6, 9.7 and MariaDB 10.11 met. The lists
 * do not say which statement ends with what, so a code may be missing here that is harmless: then a run is refused with
 * its number, and nothing is believed. Those that pass only speak of the statement's own words, or of what this side
 * finds out for itself; each has its reason. A division by zero in a condition is NULL and no warning, as for any
 * client that does not ask for one; that is the operator's own SQL.
 */
import { FerryError } from '../../core/errors.js';

/** By number: names differ between servers. */
const HARMLESS: ReadonlyMap<number, string> = new Map([
  [1003, 'the text of a statement that EXPLAIN was asked for'],
  [
    1013,
    'free space that information_schema cannot tell, of a table without its data file: a SELECT of its rows is an error',
  ],
  [1276, 'a subquery refers to a column of the statement around it: a note of EXPLAIN'],
  [1287, 'deprecated syntax, or a deprecated view such as information_schema.PROCESSLIST: it still means the same'],
  [1554, 'as 1287, of a version to come'],
  [1681, 'as 1287, without a replacement'],
  [1739, 'an index that a condition cannot use: a warning of EXPLAIN, and the scan names its index'],
  [1812, 'a table without its data file, said by the plan: the first row that is read of it is an error'],
  [1814, 'as 1812, of a file that was discarded'],
  [3719, 'utf8 is an alias: of a character set that a condition names'],
  [3720, 'NATIONAL is an alias: of a character set that a condition names'],
  [3778, 'a collation is deprecated: it still compares as it did'],
  [3779, 'nested comments are deprecated'],
  [4079, 'a collation is deprecated'],
  [4095, 'a delimiter in a date is deprecated: it was understood'],
  [4096, 'a blank behind a date is deprecated: it was understood'],
  [4162, "an operator's own collation is deprecated"],
]);

/**
 * MariaDB, 10.2 and later, of each character that it replaced by `?`. Columns are selected so that this shows by
 * itself, as a bad row (`exactText`); in a condition, nothing would show it.
 */
const REPLACED_CHARACTER = 1977;

/**
 * MySQL, of a literal that the character set of a key lacks: a bound that was made up to cut a range. It compares as
 * `?`, in each SELECT of the range alike, also beside a condition; a value that cannot be converted shows by itself, as
 * above. A condition of an operator that converts between character sets itself has that comparison too: as for any
 * client, and not told apart here.
 */
const INVALID_CHARACTER = 1300;

/**
 * MySQL 5.6 says so while it plans an OR over decimals of 65 digits; no literal of ours is empty, and the rows are
 * right.
 */
const PLANNED_DECIMAL = { code: 1292, message: "Truncated incorrect DECIMAL value: ''" };

/** As SHOW WARNINGS lists it. */
export interface Warning {
  readonly code: number;
  /** In English. Holds row values. */
  readonly message: string;
}

/**
 * @param count as the protocol gave it
 * @param conditional whether the statement has a condition of an operator
 * @returns codes that forbid to take the answer for a result, sorted; with 0 for what was not listed; none: it is a
 * result
 */
export function harmfulWarnings(count: number, listed: readonly Warning[], conditional: boolean): readonly number[] {
  const ours = ({ code, message }: Warning): boolean =>
    code === REPLACED_CHARACTER ||
    code === INVALID_CHARACTER ||
    (code === PLANNED_DECIMAL.code && message === PLANNED_DECIMAL.message);
  const harmful = listed
    .filter(
      (warning) => !HARMLESS.has(warning.code) && warning.code !== INVALID_CHARACTER && (conditional || !ours(warning)),
    )
    .map(({ code }) => code);
  const unlisted = count > listed.length ? [0] : [];
  return [...new Set([...unlisted, ...harmful])].sort((a, b) => a - b);
}

const WHERE_BY_HAND =
  "look up the code in the server's manual; run the table's `where` by hand, then SHOW WARNINGS, which shows the details";

/** Of a statement without a condition, only a column that is calculated as it is read can convert anything. */
const GENERATED =
  'the server cannot calculate a generated column (VIRTUAL) for some row: drop the column (`drop` in the mapping), or correct such rows';

const NEXT_STEPS: ReadonlyMap<number, string> = new Map([
  [
    0,
    'set max_error_count on the server to 64 or more, so that it lists its warnings; then run the same command again',
  ],
  [1301, 'raise max_allowed_packet on the server above the longest value in UTF-8: it returned NULL for a longer one'],
]);

const NEXT_STEPS_OF_CONDITIONS: ReadonlyMap<number, string> = new Map([
  [1292, "write the table's `where` so that it needs no conversion: compare text with text, and numbers with numbers"],
]);

/** @param codes of `harmfulWarnings` @param conditional as there */
export function endedWithWarnings(shard: string, codes: readonly number[], conditional: boolean): FerryError {
  const shown = codes.filter((code) => code !== 0).map(String);
  const named = shown.length === 0 ? 'warnings that it does not list' : `warning ${shown.join(', ')}`;
  const step = (code: number): string | undefined =>
    NEXT_STEPS.get(code) ?? (conditional ? NEXT_STEPS_OF_CONDITIONS.get(code) : undefined);
  const known = codes.map(step).find((found) => found !== undefined);
  return new FerryError(
    'E_SOURCE_WARNING',
    `shard ${shard}: MySQL ended a SELECT with ${named}: values or rows may differ from what it stores`,
    known ?? (conditional ? WHERE_BY_HAND : GENERATED),
  );
}
