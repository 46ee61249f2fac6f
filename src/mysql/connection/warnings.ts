/**
 * Decides which warnings of a SELECT make its answer unusable. With most warnings, the server answered something other
 * than the question, and continued. MariaDB gives NULL for a conversion that grows beyond max_allowed_packet. A
 * condition that compares a text with a number leaves rows out. The count of warnings comes with the end of the rows,
 * at no cost. dynaferry asks for the list only if there are some. Messages show the codes, never the server's texts:
 * those quote row values.
 *
 * To collect the codes, we read the error lists of MySQL 9.7 and MariaDB 10.11. We took the warnings and notes that a
 * SELECT may end with. We added those that tests on MySQL 5.6, 9.7 and MariaDB 10.11 met. The lists do not say which
 * statement ends with which warning, so a harmless code may be missing here. Then dynaferry refuses the run, names the
 * code, and uses nothing of the answer. Harmless codes concern only the words of the statement, or facts that dynaferry
 * checks itself. Each has its reason. A division by zero in a condition gives NULL without a warning, as for any client
 * that does not ask for one. The condition is the operator's own SQL.
 */
import { FerryError } from '../../core/errors.js';

/** Harmless warnings by number, since names differ between servers. */
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
 * MariaDB 10.2 and later sends this for each character that it replaced by `?`. Our select list exposes such a column
 * as a bad row (`exactText`). In a condition, nothing would show it.
 */
const REPLACED_CHARACTER = 1977;

/**
 * MySQL sends this for a literal with characters that a key's character set lacks: a made-up bound of a range. It
 * compares as `?` in every SELECT of the range, also next to a condition. A row value that MySQL cannot convert shows
 * as a bad row, as above. If an operator's own condition converts between character sets, it has that comparison too.
 * Any client has it, and this code does not distinguish the two cases.
 */
const INVALID_CHARACTER = 1300;

/**
 * MySQL 5.6 sends this while it plans an OR over decimals of 65 digits. None of our literals is empty, and the rows are
 * right.
 */
const PLANNED_DECIMAL = { code: 1292, message: "Truncated incorrect DECIMAL value: ''" };

/** A warning as SHOW WARNINGS lists it. */
export interface Warning {
  readonly code: number;
  /** The text in English. It holds row values. */
  readonly message: string;
}

/**
 * Returns the codes that make an answer unusable.
 * @param count number of warnings, as the protocol gave it
 * @param conditional whether the statement has an operator's condition
 * @returns the codes, sorted; 0 stands for warnings that were not listed; an empty list: the answer is a result
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

/**
 * In a statement without a condition, only a generated column that MySQL calculates while reading can convert anything.
 */
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

/** Returns the E_SOURCE_WARNING error. @param codes from `harmfulWarnings` @param conditional as there */
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
