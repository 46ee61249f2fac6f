/**
 * Reads the differences that the newest verification of each table found, also while a process works on the shard. A
 * file that cannot be read becomes a fault in the answer, so that other shards still show.
 */
import type { Database } from 'better-sqlite3';
import type { Fault } from '../../core/errors.js';
import type { Standing } from '../../core/evidence.js';
import type { Cursor } from '../../core/model.js';
import type { DifferenceRecord } from '../../core/ports/state-records.js';
import { asFerryError } from '../../core/thrown.js';
import type { StateAt } from '../open.js';
import { prepared } from '../sqlite/database.js';
import { guarded } from '../sqlite/errors.js';
import { shardFiles, type ShardFiles } from '../sqlite/files.js';
import { BadRows } from '../tables/bad-rows.js';
import { BootClock } from '../home/boot-clock.js';
import { Differences, type ClassCounts, type DifferenceClass, type RecordedRow } from '../tables/differences.js';
import { Passes } from '../tables/passes.js';
import { Plans } from '../tables/plans.js';
import { isRecorded, openBeside, readBeside } from './read-beside.js';
import { readShardStatus, type ShardStatus } from './read-status.js';

/**
 * What the newest verification of a table says today. `unfinished`: it covers the finished backfill, and has not come
 * to its end. The others are as `Standing` has them.
 */
export type Evidence = Standing | 'unfinished';

export interface TableDifferences {
  readonly table: string;
  readonly evidence: Evidence;
  /** Whether what the verification found counts: it has seen every row that the backfill has moved so far. */
  readonly counted: boolean;
  /** What the verification counted; all 0 where that does not count. */
  readonly counts: ClassCounts;
  /**
   * What the state has with keys. It has no keys of unresolved items that TTL may have deleted. A file of an earlier
   * version has only the first differences.
   */
  readonly kept: ClassCounts;
}

export interface ShardDifferences {
  readonly shard: string;
  /** Whether a process holds the shard now. */
  readonly running: boolean;
  /** The tables of the config, in its order. */
  readonly tables: readonly TableDifferences[];
  /** Number of rows without an item, since they are bad. They are no differences. */
  readonly badRows: number;
  /** Whether the verification passed over all tables, and a write may still land. */
  readonly unproven: boolean;
  /** Why the answer is empty; null: it is complete. */
  readonly fault: Fault | null;
}

export interface ListedDifference extends DifferenceRecord {
  readonly table: string;
  /** Whether the table has a scan key, so that `cursor` names the row. Else it is a hash of the row. */
  readonly keyed: boolean;
}

/** An open view of the differences of a shard. It stays open until `close`. */
export interface DifferenceLook {
  readonly known: ShardDifferences;
  /**
   * Yields, part by part, the first `limit` differences that were recorded when the look began, table by table. It
   * leaves out those that a new verification has replaced since. Memory holds one part. Their keys are row values.
   * @param wanted null: all classes
   * @throws FerryError E_STATE_*
   */
  parts(limit: number, wanted: DifferenceClass | null): Iterable<readonly ListedDifference[]>;
  close(): void;
}

interface ListedPass {
  readonly table: string;
  readonly keyed: boolean;
  readonly pass: number;
}

/** Number of differences in a part: some ten kilobytes. */
const PART = 200;

/**
 * Opens a view of the shard's differences.
 * @param tables that the config names
 * @returns null where the state has no records for the shard
 */
export function lookAtDifferences({ folder, shard }: StateAt, tables: readonly string[]): DifferenceLook | null {
  const files = shardFiles(folder, shard);
  let database: Database | null = null;
  try {
    if (!isRecorded(files)) return null;
    const status = readShardStatus({ folder, shard }, tables);
    if (status?.fault != null) return unreadable(shard, status.fault);
    const opened = openBeside(files);
    database = opened;
    const reader = prepared(files, () => new DifferenceReader(opened));
    const { passes, last, ...found } = guarded(files, () => opened.transaction(() => reader.read(tables))());
    const running = status?.running ?? false;
    return {
      known: { shard, running, ...found, unproven: status !== null && mayChange(status), fault: null },
      parts: (limit, wanted) => partsOf(reader.differences, files, { passes, last }, limit, wanted),
      close: () => void opened.close(),
    };
  } catch (error) {
    database?.close();
    return unreadable(shard, asFerryError(error, files.subject).toFault());
  }
}

function unreadable(shard: string, fault: Fault): DifferenceLook {
  const nothing = { running: false, tables: [], badRows: 0, unproven: false };
  return { known: { shard, ...nothing, fault }, parts: () => [], close: () => undefined };
}

/** Returns whether a write may still land on what a verification has compared. Its findings do not answer that. */
function mayChange({ suspects, lateWritesUntil, tables }: ShardStatus): boolean {
  return suspects > 0 || tables.some(({ verify }) => verify !== null && verify.pass.startedAt < (lateWritesUntil ?? 0));
}

type Known = Pick<ShardDifferences, 'tables' | 'badRows'> & {
  readonly passes: readonly ListedPass[];
  /** The highest number of a difference. */
  readonly last: number;
};

const COUNTED: ReadonlySet<Evidence> = new Set(['stands', 'unfinished', 'backfill-unfinished']);
const NONE: ClassCounts = { missing: 0, differing: 0, unresolved: 0 };

class DifferenceReader {
  readonly differences: Differences;
  readonly #passes: Passes;
  readonly #plans: Plans;
  readonly #badRows: BadRows;

  constructor(database: Database) {
    this.differences = new Differences(database);
    this.#passes = new Passes(database, new BootClock(database));
    this.#plans = new Plans(database);
    this.#badRows = new BadRows(database);
  }

  read(tables: readonly string[]): Known {
    const passes: ListedPass[] = [];
    const found = tables.map((table): TableDifferences => {
      const verify = this.#passes.summary('verify', table);
      const standing = this.#passes.standing(table);
      const evidence = standing === 'stands' && verify?.pass.finishedAt === null ? 'unfinished' : standing;
      if (verify === null || !COUNTED.has(evidence)) {
        return { table, evidence, counted: false, counts: NONE, kept: NONE };
      }
      const { missing, differing, unresolved, pass } = verify;
      passes.push({ table, pass: pass.id, keyed: this.#plans.get(table)?.scanKey != null });
      const kept = this.differences.counts(pass.id);
      return { table, evidence, counted: true, counts: { missing, differing, unresolved }, kept };
    });
    const badRows = tables.reduce((sum, table) => sum + this.#badRows.count(table), 0);
    return { tables: found, badRows, passes, last: this.differences.last() };
  }
}

/** Yields the parts. As for bad rows, no transaction lasts from one part to the next. */
function* partsOf(
  differences: Differences,
  files: ShardFiles,
  { passes, last }: Pick<Known, 'passes' | 'last'>,
  limit: number,
  wanted: DifferenceClass | null,
): Generator<readonly ListedDifference[], void> {
  let left = limit;
  for (const { table, keyed, pass } of passes) {
    for (let after = 0; left > 0;) {
      const page = { pass, class: wanted, after, upTo: last, limit: Math.min(left, PART) };
      const part = guarded(files, () => differences.page(page));
      const end = part.at(-1);
      if (end === undefined) break;
      yield part.map((difference) => ({ ...difference, table, keyed }));
      after = end.number;
      left -= part.length;
    }
  }
}

/** What a recorded difference is looked up by. */
export type RecordedBy =
  { readonly by: 'item-key'; readonly texts: readonly string[] } | { readonly by: 'scan-key'; readonly cursor: Cursor };

/**
 * Returns the rows whose recorded differences have that key; none where the state has no records.
 * @throws FerryError E_STATE_* when the file cannot be read
 */
export function readRecordedRows({ folder, shard }: StateAt, key: RecordedBy): readonly RecordedRow[] {
  const files = shardFiles(folder, shard);
  if (!isRecorded(files)) return [];
  return readBeside(files, (database) => {
    const differences = prepared(files, () => new Differences(database));
    return key.by === 'item-key' ? differences.withItemKey(key.texts) : differences.withCursor(key.cursor);
  });
}
