/**
 * How far a shard is, told from its passes alone: what a dead process said last is no evidence. It is about the tables
 * that the config names: one that nothing was recorded of yet is one whose rows are all still in MySQL alone.
 */
import type { Phase } from '../../core/model.js';
import type { Standing } from '../../core/evidence.js';
import type { PassSummary } from '../../core/ports/state-records.js';

/** The newest passes of one table. */
export interface TablePasses {
  /** It was cut into ranges; else nothing was begun. */
  readonly planned: boolean;
  readonly backfill: PassSummary | null;
  readonly verify: PassSummary | null;
  /** Rows recorded as bad: they have no item, whatever the verification compared. */
  readonly badRows: number;
  /** Verifications up to this pass came before a retry of bad rows, and have not seen what it moved; 0: none. */
  readonly overtakenBy: number;
}

/** What was sent and may still be applied. */
export interface OpenWrites {
  /** Item keys whose last write ended without an answer. */
  readonly suspects: number;
  /** ms since the epoch until which what a broken-off run had sent may land; null: no run was broken off. */
  readonly lateWritesUntil: number | null;
}

/**
 * `verified` only where every table has a finished verification that began after its backfill had ended and found
 * nothing, and no write is open: an item that may still land has not been proven. What stayed unresolved has not passed
 * either, and a bad row has no item.
 */
export function phaseOf(tables: readonly TablePasses[], { suspects, lateWritesUntil }: OpenWrites): Phase {
  if (tables.every(({ planned }) => !planned)) return 'new';
  if (tables.every(({ backfill }) => backfill === null)) return 'planned';
  if (tables.some(({ backfill }) => !isFinished(backfill))) return 'backfilling';
  const verdicts = tables.map(verdictOf);
  if (verdicts.includes('running')) return 'verifying';
  if (verdicts.includes('differences')) return 'differences';
  if (verdicts.every((verdict) => verdict === 'clean')) {
    const proven = tables.every(({ verify }) => (verify?.pass.startedAt ?? 0) >= (lateWritesUntil ?? 0));
    return suspects === 0 && proven ? 'verified' : 'backfilled';
  }
  return verdicts.includes('clean') ? 'verifying' : 'backfilled';
}

function verdictOf(table: TablePasses): 'none' | 'running' | 'differences' | 'clean' {
  const { verify, badRows } = table;
  if (verify === null || standingOf(table) !== 'stands') return 'none';
  if (!isFinished(verify)) return 'running';
  return verify.missing + verify.differing + verify.unresolved + badRows > 0 ? 'differences' : 'clean';
}

/**
 * A verdict is bound to the end of the backfill that it saw. Not to its begin: rows that the backfill wrote after the
 * verification had passed them were seen by nobody. Over an unfinished backfill, a verification is about what was
 * there, as long as nothing was added.
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
