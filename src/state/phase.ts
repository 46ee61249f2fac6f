/** How far a shard is, told from its passes alone: what a dead process said last is no evidence. */
import type { Phase } from '../core/model.js';
import type { PassSummary } from '../core/state-ports.js';

/** The newest passes of one table. */
export interface TablePasses {
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
 * `verified` only where every table has a finished verification that began after its backfill and found nothing, and no
 * write is open: an item that may still land has not been proven. What stayed unresolved has not passed either, and a bad row
 * has no item.
 */
export function phaseOf(tables: readonly TablePasses[], { suspects, lateWritesUntil }: OpenWrites): Phase {
  if (tables.length === 0) return 'new';
  if (tables.every(({ backfill }) => backfill === null)) return 'planned';
  if (tables.some(({ backfill }) => backfill === null || backfill.pass.finishedAt === null)) return 'backfilling';
  const verdicts = tables.map(verdictOf);
  if (verdicts.includes('running')) return 'verifying';
  if (verdicts.includes('differences')) return 'differences';
  if (verdicts.every((verdict) => verdict === 'clean')) {
    const proven = tables.every(({ verify }) => (verify?.pass.startedAt ?? 0) >= (lateWritesUntil ?? 0));
    return suspects === 0 && proven ? 'verified' : 'backfilled';
  }
  return verdicts.includes('clean') ? 'verifying' : 'backfilled';
}

/** Pass ids grow: a verification that is older than the backfill says nothing of what that one wrote. */
function verdictOf({
  backfill,
  verify,
  badRows,
  overtakenBy,
}: TablePasses): 'none' | 'running' | 'differences' | 'clean' {
  if (verify === null || backfill === null || verify.pass.id < Math.max(backfill.pass.id, overtakenBy + 1))
    return 'none';
  if (verify.pass.finishedAt === null) return 'running';
  return verify.missing + verify.differing + verify.unresolved + badRows > 0 ? 'differences' : 'clean';
}
