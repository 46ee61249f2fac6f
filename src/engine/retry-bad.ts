/**
 * `backfill --retry-bad` tries only the recorded bad rows again, with the current mapping. It accepts changes of the
 * mapping for columns with bad rows.
 */
import { EXIT, FerryError } from '../core/errors.js';
import { addCounts, NO_COUNTS } from '../core/model.js';
import { holdTable } from './pass/hold-table.js';
import { PassProgress } from './pass/progress.js';
import type { TableJob } from './pass/table-job.js';
import { NOTHING_RETRIED, type RetryCounts } from './retry/retry-counts.js';
import { retryBadRows } from './retry/retry-rows.js';
import {
  closeWithTarget,
  emitPhase,
  secondsNow,
  type OpenRegisters,
  type ShardRun,
  type TargetSide,
} from './verb/shard-run.js';
import { isUnfinished, movedResult, NO_ROWS, verdictOf, type RowsResult } from './verb/shard-result.js';
import type { OpenedVerb, Verb, Verdict } from './verb/verb.js';

export interface RetryBadOptions {
  /** Maximum number of rows that may still be bad at the end, over all tables of the shard. */
  readonly maxBadRows: number;
}

export interface RetryBadResult extends RowsResult {
  /** The results of the retry; null: the run stopped before they were known. */
  readonly retried: RetryCounts | null;
}

/**
 * Retries the recorded bad rows of a shard.
 * @throws FerryError of the source, the target or the state; E_ITEM_KEY_SHARED; E_SHARD_OVERLAP; E_INTERRUPTED
 */
export const RETRY_BAD: Verb<RetryBadOptions, RetryBadResult> = {
  command: 'backfill',
  consumes: 'write',
  startsState: false,
  acceptsMapping: true,
  keyGuard: 'configured',
  nothing: { ...NO_ROWS, retried: null },
  resumes: (store, table) => isUnfinished(store.passes.summary('backfill', table)),
  plan: ({ tables, store }) => tables.filter((job) => store.badRows.count(job.mapping.table.name) > 0),
  open: openRetry,
  known: (record) => ({ ...movedResult(record), retried: null }),
  counted: ({ backfill }) => backfill,
};

async function openRetry(
  run: ShardRun<RetryBadOptions>,
  tables: readonly TableJob[],
): Promise<OpenedVerb<RetryBadResult>> {
  emitPhase(run, 'backfilling');
  let retried = NOTHING_RETRIED;
  const conclude = (): Verdict & RetryBadResult => concluded(run, retried);
  if (tables.length === 0) return { work: () => Promise.resolve(), close: () => Promise.resolve(), conclude };
  const target = await run.openTarget();
  const registers = await run.openRegisters().catch((thrown: unknown) => {
    target.close();
    throw thrown;
  });
  return {
    async work(job) {
      retried = addCounts(retried, await retryTable(run, job, target, registers));
    },
    close: () => closeWithTarget(registers, target),
    conclude,
  };
}

function concluded(run: ShardRun<RetryBadOptions>, retried: RetryCounts): Verdict & RetryBadResult {
  const { maxBadRows } = run.options;
  const result = { ...movedResult(run), retried };
  if (result.badRows <= maxBadRows) return { ...result, ...verdictOf(result.badRows > 0) };
  const fault = new FerryError(
    'E_BAD_ROWS',
    `shard ${run.shard}: ${result.badRows} rows are still bad; --max-bad-rows allows ${maxBadRows}`,
    `\`dynaferry bad-rows --shard ${run.shard}\` lists them with their remedies; or allow them with --max-bad-rows N`,
  ).toFault();
  return { ...result, status: 'failed', exitCode: EXIT.differences, fault };
}

async function retryTable(
  run: ShardRun,
  job: TableJob,
  target: TargetSide,
  registers: OpenRegisters,
): Promise<RetryCounts> {
  const { shard, store, emitter } = run;
  const { guard } = target;
  const table = job.mapping.table.name;
  const recorded = store.badRows.count(table);
  if (job.scanKey === null) {
    // A corrected row without a key is another row: nothing distinguishes it from a deleted one.
    emitter.emit('shard.warning', { shard, ...notFound(table) });
    return { ...NOTHING_RETRIED, rows: recorded, stillBad: recorded };
  }
  await holdTable(run, job, run.acceptServer);
  const progress = new PassProgress(shard, table, 'backfilling', recorded, NO_COUNTS, run.gauges);
  const writer = target.openWriter();
  const stopPublishing = progress.publish(emitter, store.heartbeat);
  try {
    return await retryBadRows(run, job, { writer, guard, ...registers, progress, now: secondsNow });
  } catch (thrown) {
    throw await guard.explained(thrown, run.signal);
  } finally {
    stopPublishing();
    await writer.close();
  }
}

function notFound(table: string): { readonly code: 'E_TABLE_NO_KEY'; readonly message: string; readonly hint: string } {
  return {
    code: 'E_TABLE_NO_KEY',
    message: `table ${table} is read whole (\`wholeTable\`): it has no key to find its bad rows by, so they are not tried again`,
    hint: 'correct them, and start the shard again with `dynaferry backfill --restart`',
  };
}
