/**
 * Retries bad rows: reads only the recorded ones again by their scan key, maps them with the current mapping, and
 * writes them. A row leaves the record in three cases: DynamoDB acknowledged its items, the source has no such row, or
 * the mapping skips it as expired. The same transaction adds the row to the backfill that left it behind. If the
 * process is killed before that, the next retry tries the row again: the same row gives the same items. A row that has
 * grown too large to read stays recorded as it is. A warning reports it, and the retry of other rows goes on.
 */
import { thisInstant, type Instant } from '../../core/time/age.js';
import { FerryError, interrupted } from '../../core/errors.js';
import { addCounts, type Cursor, type MappedItem, type Row } from '../../core/model.js';
import type { ItemWriter, TargetGuard } from '../../core/ports/target-ports.js';
import type { BadRowRecord, RecordedBadRow, RetryRecord } from '../../core/ports/state-records.js';
import { BadValue } from '../../mapping/value/bad-value.js';
import { DigestSum } from '../../mapping/item/digest.js';
import { badRowRecord } from '../pass/map-chunk.js';
import type { PassProgress } from '../pass/progress.js';
import { KeyClaims, type Registers } from '../claims/key-claims.js';
import { NOTHING_RETRIED, type RetryCounts } from './retry-counts.js';
import { readingsOf, type Led } from './recorded-twice.js';
import { refusedRecord, tellLeftBehind, type RefusedRow } from '../pass/refused-rows.js';
import type { ShardContext, TableJob } from '../pass/table-job.js';
import { TooLargeRows } from './too-large-rows.js';

export interface RetryDeps extends Registers {
  readonly writer: ItemWriter;
  readonly guard: TargetGuard;
  readonly progress: PassProgress;
  /** Seconds since the epoch. */
  readonly now: () => number;
}

/**
 * Number of rows that one step reads. Bad rows are often bad because they are large, and a cell may have 16 MB and
 * more.
 */
const STEP_ROWS = 10;

/**
 * Retries all recorded bad rows of a table.
 * @throws FerryError of the source, the target or the state; E_ITEM_KEY_SHARED; E_SHARD_OVERLAP; E_INTERRUPTED
 */
export async function retryBadRows(context: ShardContext, job: TableJob, parts: RetryDeps): Promise<RetryCounts> {
  const { store, signal } = context;
  const table = job.mapping.table.name;
  const keys = new KeyClaims(context, job, parts);
  const tooLarge = new TooLargeRows(context, job, parts.progress);
  let counts = NOTHING_RETRIED;
  const stopWriting = endsWrites(parts.writer, signal);
  const leavePause = context.pause.enter();
  try {
    // Only the rows recorded at the start. Records that the retry itself adds, under another reading of a key, come
    // behind them.
    for (let left = store.badRows.count(table), after = 0; left > 0;) {
      if (signal.aborted) throw interrupted();
      await context.pause.pass(signal);
      const step = store.badRows.list(table, { after, limit: Math.min(left, STEP_ROWS) });
      const last = step.at(-1);
      if (last === undefined) break;
      after = last.number;
      left -= step.length;
      counts = addCounts(counts, await retryTogether(context, job, step, keys, parts, tooLarge));
    }
    await parts.guard.confirm(signal);
    return counts;
  } finally {
    tooLarge.tell();
    leavePause();
    stopWriting();
  }
}

/**
 * Closes the writer when the signal aborts. Items that wait for their acknowledgement do not see the signal, and that
 * wait may take minutes for a throttled table.
 * @returns a function that removes the listener
 */
function endsWrites(writer: ItemWriter, signal: AbortSignal): () => void {
  // The owner of the writer closes it too, and receives the error.
  const close = (): void => void writer.close().catch(() => undefined);
  signal.addEventListener('abort', close, { once: true });
  return () => signal.removeEventListener('abort', close);
}

/** Tries the rows of a step together, or one by one where they are too large to hold together. */
async function retryTogether(
  context: ShardContext,
  job: TableJob,
  step: readonly RecordedBadRow[],
  keys: KeyClaims,
  parts: RetryDeps,
  tooLarge: TooLargeRows,
): Promise<RetryCounts> {
  const readAt = thisInstant();
  const read = await rowsOf(context, job, step);
  if (!(read instanceof FerryError)) return await retryStep(context, job, { step, ...read, readAt }, keys, parts);
  const [first] = step;
  if (first !== undefined && step.length === 1) {
    tooLarge.add(first, read);
    return { ...NOTHING_RETRIED, rows: 1, stillBad: 1 };
  }
  let counts = NOTHING_RETRIED;
  for (const bad of step) counts = addCounts(counts, await retryTogether(context, job, [bad], keys, parts, tooLarge));
  return counts;
}

/** Reads the rows of a step. @returns the fault, where they are together larger than the machine can hold */
async function rowsOf(
  { signal }: ShardContext,
  { source }: TableJob,
  step: readonly RecordedBadRow[],
): Promise<{ readonly rows: readonly (Row | null)[] } | FerryError> {
  const cursors = step.map(({ cursor }) => cursor);
  try {
    return { rows: await source.at(cursors, signal) };
  } catch (error) {
    if (error instanceof FerryError && error.code === 'E_ROW_TOO_LARGE') return error;
    throw error;
  }
}

/** The outcome of one row before anything is written. */
type Fate =
  | { readonly kind: 'moved'; readonly items: readonly MappedItem[] }
  | { readonly kind: 'gone' | 'twice' | 'expired' }
  | { readonly kind: 'bad'; readonly record: BadRowRecord };

interface ReadStep {
  readonly step: readonly RecordedBadRow[];
  /** The rows as they are now, in the order of the step; null: gone. */
  readonly rows: readonly (Row | null)[];
  readonly readAt: Instant;
}

async function retryStep(
  context: ShardContext,
  job: TableJob,
  { step, rows, readAt }: ReadStep,
  keys: KeyClaims,
  { writer, guard, progress, now }: RetryDeps,
): Promise<RetryCounts> {
  const seen = new Set<Cursor>();
  const mapped = step.map((bad, index) => {
    const row = rows[index] ?? null;
    const cursor = row === null ? null : job.source.cursorOf(row);
    return { bad, cursor, fate: fateOf(context, job, { row, bad, seen, now: now() }) };
  });
  await writer.waitForRoom(context.signal);
  const claimed = await keys.claim(
    mapped.flatMap(({ fate }) => (fate.kind === 'moved' ? fate.items : [])),
    context.signal,
  );
  const refused: RefusedRow[] = [];
  const { items, receipt } = await keys.write(
    writer,
    claimed,
    readAt,
    (rows) => void refused.push(...rows),
    context.signal,
  );
  await guard.atCheckpoint(context.signal);
  const { newer, units } = receipt;
  const written = new Set(items);
  const refusedAt = new Map(refused.map((row) => [job.source.cursorOf(row.row), row]));
  const tried = mapped.map(({ bad, cursor, fate }): Tried => {
    const twice = fate.kind === 'twice';
    const [first] = fate.kind === 'moved' ? fate.items : [];
    const row = first === undefined ? undefined : refusedAt.get(job.source.cursorOf(first.row));
    if (row === undefined) return { bad, cursor, twice, fate: withWritten(fate, written) };
    return { bad, cursor, twice, fate: { kind: 'bad', record: refusedRecord(job, row, bad.chunk) } };
  });

  const table = job.mapping.table.name;
  const { counted, renamed, itemsTaken } = readingsOf(tried, context.store.badRows);
  const stillBad = tried.flatMap(({ fate }) => (fate.kind === 'bad' ? [fate.record] : []));
  context.store.retries.settle(table, settledCursors(tried), stillBad, {
    ...record(counted, newer, units),
    renamed,
  });
  for (const { column, reason } of stillBad) {
    context.emitter.emit('row.rejected', { shard: context.shard, table, column, reason, rows: 1 });
  }
  tellLeftBehind(
    context,
    table,
    tried.flatMap((each) => {
      const { kind: why } = each.fate;
      return why === 'gone' || why === 'expired' ? [{ record: { itemsTaken: itemsTaken(each) }, why }] : [];
    }),
  );
  const of = (kind: Fate['kind']): number => tried.filter(({ fate }) => fate.kind === kind).length;
  progress.add({
    rows: step.length,
    items: items.length,
    badRows: of('bad'),
    expiredRows: of('expired'),
    expiredItems: 0,
    newerItems: newer,
    units,
  });
  return {
    rows: step.length,
    moved: of('moved'),
    items: items.length,
    gone: of('gone'),
    twice: of('twice'),
    expired: of('expired'),
    stillBad: of('bad'),
    newerItems: newer,
    units,
  };
}

/**
 * Returns the outcome after the write. A row that moved to another scan key during the retry is gone from its recorded
 * place.
 */
function withWritten(fate: Fate, written: ReadonlySet<MappedItem>): Fate {
  if (fate.kind !== 'moved') return fate;
  const items = fate.items.filter((item) => written.has(item));
  return items.length === 0 && fate.items.length > 0 ? { kind: 'gone' } : { kind: 'moved', items };
}

interface Tried extends Led {
  readonly fate: Fate;
}

interface ToMap {
  readonly row: Row | null;
  readonly bad: RecordedBadRow;
  /** Cursors of the step's rows that are tried. */
  readonly seen: Set<Cursor>;
  readonly now: number;
}

function fateOf({ store }: ShardContext, job: TableJob, { row, bad, seen, now }: ToMap): Fate {
  if (row === null) return { kind: 'gone' };
  const cursor = job.source.cursorOf(row);
  const readsOtherwise = cursor !== bad.cursor;
  if (seen.has(cursor) || (readsOtherwise && store.badRows.at(bad.table, [cursor]).length > 0))
    return { kind: 'twice' };
  seen.add(cursor);
  const items: MappedItem[] = [];
  try {
    return job.mapping.map(row, items, { now }) === 'expired' ? { kind: 'expired' } : { kind: 'moved', items };
  } catch (error) {
    if (!(error instanceof BadValue)) throw error;
    const record = badRowRecord(job, row, error, bad.chunk);
    // The target took the same items of the row under either reading.
    return { kind: 'bad', record: readsOtherwise ? { ...record, itemsTaken: bad.itemsTaken } : record };
  }
}

/**
 * Returns the cursors to remove from the record: all rows that are no longer bad, and old readings of keys. A key that
 * reads differently now (`abc`, `ABC`) is recorded under its new reading alone.
 */
function settledCursors(tried: readonly Tried[]): readonly Cursor[] {
  return tried.flatMap(({ bad, fate }) =>
    fate.kind === 'bad' && fate.record.cursor === bad.cursor ? [] : [bad.cursor],
  );
}

function record(counted: readonly Tried[], newerItems: number, units: number): RetryRecord {
  const items = counted.flatMap(({ fate }) => (fate.kind === 'moved' ? fate.items : []));
  const digest = new DigestSum();
  for (const item of items) digest.add(item.text);
  const of = (kind: Fate['kind']): number => counted.filter(({ fate }) => fate.kind === kind).length;
  return {
    rows: of('moved'),
    items: items.length,
    expiredRows: of('expired'),
    goneRows: of('gone') + of('twice'),
    newerItems,
    units,
    digest: digest.toString(),
  };
}
