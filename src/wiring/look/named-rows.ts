/**
 * Finds out which rows an operator means by keys: a scan key as people write it, or either key that `differences`
 * lists. A listed key leads to its row through the difference that the state has recorded.
 */
import type { Config } from '../../config/model.js';
import { FerryError } from '../../core/errors.js';
import type { Cursor, Row } from '../../core/model.js';
import { asFerryError } from '../../core/thrown.js';
import type { TableJob } from '../../engine/pass/table-job.js';
import { readRecordedRows, type RecordedBy } from '../../state/status/read-differences.js';

/** The rows of one command, named by keys. */
export interface NamedRows {
  /** Scan keys as an operator writes them, parts in order. Every shard and table is asked for them. */
  readonly written: readonly (readonly string[])[];
  /** Rows of recorded differences. */
  readonly recorded: readonly { readonly shard: string; readonly table: string; readonly cursor: Cursor }[];
}

/**
 * Returns the rows that the keys name.
 * @param keys `AC1,SM2`; or, as `differences` lists them, `["AC1","SM2"]` and `{"pk":{"S":"AC1"}}`
 * @param table null: all tables
 * @throws FerryError E_USAGE for an item key that no state knows; E_STATE_* where a state that may know it cannot be
 * read
 */
export function namedRows(
  config: Config,
  shards: readonly string[],
  table: string | null,
  keys: readonly string[],
): NamedRows {
  const written: (readonly string[])[] = [];
  const recorded: NamedRows['recorded'][number][] = [];
  for (const [index, text] of keys.entries()) {
    const key = listedKey(text);
    const found = key === null ? [] : recordedRows(config, shards, table, key.recordedBy);
    recorded.push(...found);
    if (found.length > 0) continue;
    if (key !== null && key.written === null) throw notKnown(index + 1, keys.length);
    written.push(key?.written ?? text.split(','));
  }
  return { written, recorded };
}

/** Returns those of the rows that this table of this shard has. @throws FerryError E_USAGE, E_SOURCE_* */
export async function findNamed(
  { mapping, source }: TableJob,
  shard: string,
  { written, recorded }: NamedRows,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const cursors = recorded
    .filter((row) => row.shard === shard && row.table === mapping.table.name)
    .map(({ cursor }) => cursor);
  const found = written.length === 0 ? [] : await source.find(written, signal);
  const again = cursors.length === 0 ? [] : await source.at([...new Set(cursors)], signal);
  return [...found, ...again.filter((row) => row !== null)];
}

/** @param written the key as an operator writes it; null: it is an item key, which only a state can resolve */
function listedKey(
  text: string,
): { readonly recordedBy: RecordedBy; readonly written: readonly string[] | null } | null {
  const parsed = parsedJson(text);
  if (Array.isArray(parsed) && parsed.every((part) => typeof part === 'string')) {
    return { recordedBy: { by: 'scan-key', cursor: JSON.stringify(parsed) as Cursor }, written: parsed };
  }
  if (!isItemKey(parsed)) return null;
  const parts = Object.entries(parsed);
  // A key that was written by hand may have the sort key first.
  const texts = [parts, [...parts].reverse()].map((order) => `{${order.map(attributeText).join(',')}}`);
  return { recordedBy: { by: 'item-key', texts }, written: null };
}

function attributeText([name, value]: readonly [string, unknown]): string {
  return `${JSON.stringify(name)}:${JSON.stringify(value)}`;
}

function parsedJson(text: string): unknown {
  try {
    return /^\s*[[{]/.test(text) ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

function isItemKey(parsed: unknown): parsed is Readonly<Record<string, Readonly<Record<string, string>>>> {
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) return false;
  const values = Object.values(parsed as Readonly<Record<string, unknown>>);
  return values.length >= 1 && values.length <= 2 && values.every(isKeyValue);
}

function isKeyValue(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return false;
  const [[type, text] = [], second] = Object.entries(value as Readonly<Record<string, unknown>>);
  return second === undefined && ['S', 'N', 'B'].includes(type ?? '') && typeof text === 'string';
}

/** @throws FerryError E_STATE_* where no state has it and one cannot be read */
function recordedRows(
  { state }: Config,
  shards: readonly string[],
  table: string | null,
  key: RecordedBy,
): NamedRows['recorded'] {
  let fault: unknown = null;
  const found = shards.flatMap((shard) => {
    try {
      return readRecordedRows({ folder: state, shard }, key)
        .filter((row) => table === null || row.table === table)
        .map((row) => ({ shard, ...row }));
    } catch (thrown) {
      fault ??= thrown;
      return [];
    }
  });
  // A scan key can be looked up without the state.
  if (found.length === 0 && fault !== null && key.by === 'item-key') throw asFerryError(fault, `the state in ${state}`);
  return found;
}

/** The message has no key: it may be logged. */
function notKnown(number: number, of: number): FerryError {
  return new FerryError(
    'E_USAGE',
    `no state of the chosen shards and tables has a recorded difference with the item key${of === 1 ? '' : ` that was given as number ${number}`}`,
    "`dynaferry differences` lists the item keys that it knows; or give the row's scan key: its columns in order, joined by commas",
  );
}
