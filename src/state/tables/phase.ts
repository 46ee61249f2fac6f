/**
 * Computes the phase of a shard from its passes alone: the last report of a dead process is no evidence. It covers the
 * tables that the config names. A table without records counts, because all its rows are still only in MySQL.
 */
import type { Phase } from '../../core/model.js';
import type { Standing } from '../../core/evidence.js';
import type { PassSummary } from '../../core/ports/state-records.js';

/** The newest passes of one table. */
export interface TablePasses {
  /** Whether the table is cut into ranges. A pass with numbered segments needs none. */
  readonly planned: boolean;
  readonly backfill: PassSummary | null;
  readonly verify: PassSummary | null;
  /** Number of rows recorded as bad. They have no item, whatever the verification compared. */
  readonly badRows: number;
  /** Verifications up to this pass id have not seen what a retry moved; 0: no retry or change came. */
  readonly overtakenBy: number;
}

/** Writes that were sent and may still land. */
export interface OpenWrites {
  /** Number of item keys whose last write had an unknown result. */
  readonly suspects: number;
  /** Until when writes of a crashed run may land, in ms since the epoch by the state's clock; null: no run crashed. */
  readonly lateWritesUntil: number | null;
}

/**
 * Returns the phase. It is `verified` only when no write is open and every table has a finished verification without
 * findings. That verification must have started after the table's backfill had ended. It is `unproven` when items were
 * not settled, or a write may still land. A bad row has no item, and counts as a difference.
 */
export function phaseOf(tables: readonly TablePasses[], { suspects, lateWritesUntil }: OpenWrites): Phase {
  if (tables.every(({ planned, backfill, verify }) => !planned && backfill === null && verify === null)) return 'new';
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
 * Returns what a verification proves. A verdict is bound to the end of the backfill that it saw, not to its start. A
 * verification that began earlier never saw the rows that the backfill wrote behind it. Beside an unfinished backfill,
 * a verification covers what was there, as long as nothing was added.
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
