/**
 * How far a shard is. Its passes alone say so: the last words of a dead process are not evidence. It is about the
 * tables that the config names. A table without records counts: all of its rows are still in MySQL alone.
 */
import type { Phase } from '../../core/model.js';
import type { Standing } from '../../core/evidence.js';
import type { PassSummary } from '../../core/ports/state-records.js';

/** The newest passes of one table. */
export interface TablePasses {
  /** The table is cut into ranges; false: nothing was started. */
  readonly planned: boolean;
  readonly backfill: PassSummary | null;
  readonly verify: PassSummary | null;
  /** Rows recorded as bad. They have no item, whatever the verification compared. */
  readonly badRows: number;
  /** Verifications up to this pass id have not seen what a retry moved; 0: there are none. */
  readonly overtakenBy: number;
}

/** Writes that were sent and may still land. */
export interface OpenWrites {
  /** Number of item keys whose last write ended ambiguously. */
  readonly suspects: number;
  /** ms since the epoch by the state's clock, until which writes of a crashed run may land; null: no run crashed. */
  readonly lateWritesUntil: number | null;
}

/**
 * Returns `verified` only when no write is open and every table has a finished verification that started after its
 * backfill had ended and found nothing: an item whose write may still land is not proven. Where items were not
 * settled, or writes are open, it is `unproven`; a bad row has no item, and counts as a difference.
 */
export function phaseOf(tables: readonly TablePasses[], { suspects, lateWritesUntil }: OpenWrites): Phase {
  if (tables.every(({ planned }) => !planned)) return 'new';
  if (tables.every(({ backfill }) => backfill === null)) return 'planned';
  if (tables.some(({ backfill }) => !isFinished(backfill))) return 'backfilling';
  const verdicts = tables.map(verdictOf);
  if (verdicts.includes('running')) return 'verifying';
  if (verdicts.includes('differences')) return 'differences';
  if (verdicts.every((verdict) => verdict === 'none')) return 'backfilled';
  if (verdicts.includes('none')) return 'verifying';
  const settled = tables.every(({ verify }) => (verify?.pass.startedAt ?? 0) >= (lateWritesUntil ?? 0));
  return verdicts.includes('unresolved') || suspects > 0 || !settled ? 'unproven' : 'verified';
}

function verdictOf(table: TablePasses): 'none' | 'running' | 'differences' | 'unresolved' | 'clean' {
  const { verify, badRows } = table;
  if (verify === null || standingOf(table) !== 'stands') return 'none';
  if (!isFinished(verify)) return 'running';
  if (verify.missing + verify.differing + badRows > 0) return 'differences';
  return verify.unresolved > 0 ? 'unresolved' : 'clean';
}

/**
 * Returns what a verification is worth. A verdict is bound to the end of the backfill that it saw, and not to its
 * start: a verification never saw the rows that the backfill wrote behind it. Beside an unfinished backfill, a
 * verification is about what was there, as long as nothing was added.
 */
export function standingOf({
  backfill,
  verify,
  overtakenBy,
}: Pick<TablePasses, 'backfill' | 'verify' | 'overtakenBy'>): Standing {
  if (verify === null) return 'none';
  const { id, sawBackfill, sawChunks } = verify.pass;
  if (id <= overtakenBy) return 'before-retry';
  if (isFinished(backfill)) return sawBackfill === backfill?.pass.id ? 'stands' : 'before-backfill';
  const unchanged = sawBackfill === null && sawChunks === (backfill?.counts.chunks ?? 0);
  return unchanged ? 'backfill-unfinished' : 'before-backfill';
}

function isFinished(summary: PassSummary | null): boolean {
  return summary !== null && summary.pass.finishedAt !== null;
}
