/** The parts of a report that every verb over rows has: counts, tables that are not finished, bad rows, what next. */
import type { Counts } from '../../core/model.js';
import type { RowsResult } from '../../engine/verb/shard-result.js';
import { count, duration, plural } from '../../wording/number-format.js';
import type { ReportedRun } from './verb-report.js';

interface Amount {
  readonly counts: Counts;
  readonly badRows: number;
  readonly elapsedMs: number;
}

/** @param items what happened to the items: ` seen`, or empty @param unit of the capacity, as AWS names it */
export function amountText({ counts, badRows, elapsedMs }: Amount, items: string, unit: 'WCU' | 'RCU'): string {
  const extras = [
    counts.expiredRows > 0 ? `${count(counts.expiredRows)} expired and skipped` : '',
    counts.expiredItems > 0 ? `${count(counts.expiredItems)} deleted by TTL, as far as can be told` : '',
    counts.newerItems > 0 ? `${count(counts.newerItems)} newer in the target` : '',
    badRows > 0 ? plural(badRows, 'bad row') : '',
    plural(counts.chunks, 'chunk'),
    `${count(counts.units)} ${unit}`,
    duration(elapsedMs / 1_000),
  ].filter((text) => text !== '');
  return `${plural(counts.rows, 'row')}, ${plural(counts.items, 'item')}${items} (${extras.join(', ')})`;
}

/**
 * Reports what earlier runs recorded, which is not the work of this run.
 * @param done what they did with the rows: `moved`
 */
export function notStartedText({ counts }: Pick<RowsResult, 'counts'>, done: string): string {
  if (counts.rows === 0) return 'not started';
  return `not started: ${plural(counts.rows, 'row')}, ${plural(counts.items, 'item')} were ${done} by earlier runs`;
}

/**
 * Returns a line for each table of the config that was not moved to its end, including one that was never started.
 */
export function unfinishedLines({ unfinished }: Pick<RowsResult, 'unfinished'>): readonly string[] {
  return unfinished.map(({ table, begun }) => (begun ? `${table} is not finished` : `${table} was not started`));
}

export function badRowLines(
  run: ReportedRun,
  shard: string,
  { badRows: all, findings }: Pick<RowsResult, 'badRows' | 'findings'>,
): readonly string[] {
  const { badRows } = findings;
  const lines = badRows.map(
    (bad) => `bad row    ${bad.table} ${bad.row}  ${bad.column ?? 'item'}: ${bad.reason} (${bad.kind}); ${bad.remedy}`,
  );
  if (!run.dryRun && badRows.some(({ row }) => row.startsWith('#'))) {
    const command = `dynaferry diff --shard ${shard} --explain --bad-row N --show-values`;
    lines.push(`rows without a key are named by number: \`${command}\` shows row #N`);
  }
  const dry = run.dryRun ? ' --dry-run' : '';
  const where = `\`dynaferry bad-rows ${shard}${dry}\` lists them`;
  return [...lines, ...moreLines(badRows.length, all, 'bad row', where)];
}

/** @param listed none, of a shard whose process ended without a word */
export function moreLines(listed: number, all: number, noun: string, where: string): readonly string[] {
  const left = listed === 0 ? plural(all, noun) : `and ${plural(all - listed, `more ${noun}`)}`;
  return all > listed ? [`${left}; ${where}`] : [];
}

/** Differences by the operator's own hand must not look like damage. */
export function acceptedChangeLines({ acceptedChanges }: Pick<RowsResult, 'acceptedChanges'>): readonly string[] {
  if (acceptedChanges.length === 0) return [];
  return [
    'the mapping was changed for a retry of bad rows; rows moved earlier keep the items of the former mapping:',
    ...acceptedChanges.map(({ path }) => `  ${path}`),
    '  verify shows where they differ; `dynaferry backfill --restart` writes all rows again',
  ];
}

/** Returns the next step for bad rows that were left behind; no line if there are none. */
export function retryLines(run: ReportedRun, outcomes: readonly Pick<RowsResult, 'badRows'>[]): readonly string[] {
  if (outcomes.every((outcome) => outcome.badRows === 0)) return [];
  return [
    `\`dynaferry bad-rows ${run.selection}\` lists the bad rows; change the mapping of their columns, or correct or delete them in MySQL,`,
    `then \`dynaferry backfill ${run.selection} --retry-bad\` moves them`,
  ];
}

/** Returns the next steps after a backfill or a retry that is done. */
export function afterMoving(run: ReportedRun, outcomes: readonly RowsResult[], before: readonly string[]): string {
  return [...before, ...retryLines(run, outcomes), `next: dynaferry verify ${run.selection}`].join('\n');
}
