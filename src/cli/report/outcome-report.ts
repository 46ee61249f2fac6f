/** The report of a run on stdout: what each shard came to, the keys of what is wrong, the next step. */
import { EXIT } from '../../core/errors.js';
import { oldestOf } from '../../core/evidence.js';
import { namesOfServer } from '../../core/text/shown-text.js';
import { agoWords, count, duration, minuteOf, plural } from '../../report/format.js';
import type { RetryCounts } from '../../engine/retry.js';
import type { ShardOutcome } from '../../wiring/run/shard-task.js';
import { writeLine, type Io } from '../io.js';
import { printFault } from '../print-error.js';
import type { RunOptions } from '../run-options.js';

export function printOutcomes(io: Io, run: RunOptions, outcomes: readonly ShardOutcome[]): void {
  for (const outcome of outcomes) {
    writeLine(io.stdout, `${outcome.shard}  ${headline(run, outcome)}`);
    for (const line of [...unfinishedLines(run, outcome), ...ageLines(outcome)]) writeLine(io.stdout, `  ${line}`);
    printFindings(io, run, outcome);
    printAcceptedChanges(io, run, outcome);
    if (outcome.suspects > 0) writeLine(io.stdout, `  ${suspectText(outcome)}`);
    if (outcome.lateWritesUntil !== null) writeLine(io.stdout, `  ${lateWritesText(outcome.lateWritesUntil)}`);
    if (outcome.fault !== null && outcome.outcome === 'failed')
      printFault(io.stderr, `error ${outcome.shard}`, outcome.fault);
  }
  const next = nextStep(run, outcomes);
  if (next !== '') writeLine(io.stdout, next);
}

/** What is recorded of it, if anything, is of before. */
function isStillToRestart(run: RunOptions, { shard, toldBy, outcome }: ShardOutcome): boolean {
  return run.restartsLeft.includes(shard) && (toldBy !== 'process' || outcome === 'interrupted');
}

function headline(run: RunOptions, outcome: ShardOutcome): string {
  const { counts, retried } = outcome;
  if (isStillToRestart(run, outcome)) return 'not started again yet: its items are those of the earlier backfill';
  if (outcome.toldBy === 'nobody') return notStarted(run, outcome);
  if (retried !== null) return `${verb(run, outcome)}: ${retriedText(retried)}, ${duration(outcome.elapsedMs / 1_000)}`;
  const seen = run.kind === 'verify' ? ' seen' : '';
  const moved = `${plural(counts.rows, 'row')}, ${plural(counts.items, 'item')}${seen}`;
  const extras = [
    counts.expiredRows > 0 ? `${count(counts.expiredRows)} expired and skipped` : '',
    counts.expiredItems > 0 ? `${count(counts.expiredItems)} deleted by TTL, as far as can be told` : '',
    counts.newerItems > 0 ? `${count(counts.newerItems)} newer in the target` : '',
    outcome.badRows > 0 ? plural(outcome.badRows, 'bad row') : '',
    plural(counts.chunks, 'chunk'),
    `${count(counts.units)} ${run.kind === 'backfill' ? 'WCU' : 'RCU'}`,
    duration(outcome.elapsedMs / 1_000),
  ].filter((text) => text !== '');
  return `${verb(run, outcome)}: ${moved} (${extras.join(', ')})`;
}

/** What earlier runs recorded is not this run's work. */
function notStarted(run: RunOptions, { counts }: ShardOutcome): string {
  const before = run.kind === 'verify' ? 'compared' : 'moved';
  if (counts.rows === 0) return 'not started';
  return `not started: ${plural(counts.rows, 'row')}, ${plural(counts.items, 'item')} were ${before} by earlier runs`;
}

function retriedText({ rows, moved, items, gone, twice, expired, stillBad, newerItems, units }: RetryCounts): string {
  const fates = [
    `${count(moved)} moved (${plural(items, 'item')}, ${count(units)} WCU)`,
    newerItems > 0 ? `${count(newerItems)} of the items newer in the target` : '',
    gone > 0 ? `${count(gone)} gone from MySQL (or under another key now)` : '',
    twice > 0 ? `${count(twice)} recorded twice` : '',
    expired > 0 ? `${count(expired)} expired and skipped` : '',
    stillBad > 0 ? `${count(stillBad)} still bad` : '',
  ].filter((text) => text !== '');
  return rows === 0 ? 'no bad rows were recorded' : `${plural(rows, 'bad row')} tried again: ${fates.join(', ')}`;
}

function verb(run: RunOptions, outcome: ShardOutcome): string {
  switch (outcome.outcome) {
    case 'interrupted':
      return outcome.toldBy === 'state'
        ? 'ended before it had stopped, the checkpoint has'
        : 'interrupted, checkpoint saved';
    case 'failed':
      return 'failed';
    case 'done':
      if (run.kind === 'verify') return 'verified';
      if (outcome.alreadyDone) return 'was done already';
      return run.dryRun ? 'dry run passed, nothing written' : 'done';
    case 'differences':
      if (run.kind === 'backfill')
        return run.dryRun ? 'dry run found bad rows, nothing written' : 'done except for the bad rows';
      return `NOT verified: ${whatIsWrong(outcome)}`;
  }
}

/**
 * What the config names and was not moved to its end: a report says so of every table, also of one that was never
 * begun.
 */
function unfinishedLines(run: RunOptions, outcome: ShardOutcome): readonly string[] {
  if ((outcome.outcome === 'done' && !run.retryBad) || isStillToRestart(run, outcome)) return [];
  return outcome.unfinished.map(({ table, begun }) => {
    if (run.kind === 'backfill') return begun ? `${table} is not finished` : `${table} was not begun`;
    return begun
      ? `the backfill of ${table} is not finished: items that are missing may not have been moved yet`
      : `the backfill of ${table} was not begun: none of its rows was moved, and none was compared`;
  });
}

/** How old the evidence is: on what was compared long ago, nobody should switch off a database without knowing it. */
function ageLines({ oldestComparison, takenOver }: ShardOutcome): readonly string[] {
  return [
    ...takenOver.map(({ table, lastCompared }) => `${table}: compared ${agoWords(lastCompared)}, not read again`),
    ...(oldestComparison === null
      ? []
      : [`oldest comparison ${minuteOf(oldestComparison.at)}, ${agoWords(oldestComparison)}`]),
  ];
}

/** Never nothing: a verification does not pass over bad rows and open writes either. */
function whatIsWrong(outcome: ShardOutcome): string {
  const { missing, differing, unresolved, badRows, suspects, lateWritesUntil, backfillFinished } = outcome;
  const parts = [
    backfillFinished ? '' : 'the backfill is not finished',
    missing > 0 ? `${count(missing)} missing` : '',
    differing > 0 ? `${count(differing)} differing` : '',
    unresolved > 0 ? `${count(unresolved)} unresolved` : '',
    badRows > 0 ? `${plural(badRows, 'bad row')} left behind` : '',
    suspects > 0 ? `${plural(suspects, 'write')} without an answer` : '',
    lateWritesUntil === null ? '' : 'an earlier run ended with writes under way',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function printFindings(io: Io, run: RunOptions, outcome: ShardOutcome): void {
  const { badRows, differences } = outcome.findings;
  for (const bad of badRows) {
    writeLine(
      io.stdout,
      `  bad row    ${bad.table} ${bad.row}  ${bad.column ?? 'item'}: ${bad.reason} (${bad.kind}); ${bad.remedy}`,
    );
  }
  if (!run.dryRun && badRows.some(({ row }) => row.startsWith('#'))) {
    const command = `dynaferry diff --shard ${outcome.shard} --explain --bad-row N --show-values`;
    writeLine(io.stdout, `  rows without a key are named by number: \`${command}\` shows row #N`);
  }
  const dry = run.dryRun ? ' --dry-run' : '';
  more(io, badRows.length, outcome.badRows, 'bad row', `\`dynaferry bad-rows ${outcome.shard}${dry}\` lists them`);
  for (const difference of differences) {
    const names = difference.attributes.length > 0 ? `  ${namesOfServer(difference.attributes)}` : '';
    writeLine(io.stdout, `  ${difference.class.padEnd(10)} ${difference.keyText}${names}`);
  }
  const { missing, differing, unresolved, doubtful } = outcome;
  if (doubtful > 0) {
    writeLine(
      io.stdout,
      `  unresolved ${plural(doubtful, 'item')} that TTL may have deleted, or that may be missing: TTL was changed on the table meanwhile; verify again`,
    );
  }
  const found = missing + differing + unresolved - doubtful;
  more(io, differences.length, found, 'difference', 'the state counts them all, and keeps the first ones');
}

/** Differences by the operator's own hand must not look like damage. */
function printAcceptedChanges(io: Io, run: RunOptions, { acceptedChanges, differing }: ShardOutcome): void {
  if (acceptedChanges.length === 0 || (run.kind === 'verify' && differing === 0)) return;
  if (run.kind === 'backfill' && !run.retryBad) return;
  writeLine(
    io.stdout,
    '  the mapping was changed for a retry of bad rows; rows moved before keep what the former one made of them:',
  );
  for (const { path } of acceptedChanges) writeLine(io.stdout, `    ${path}`);
  writeLine(
    io.stdout,
    '    verify shows where they differ by that; `dynaferry backfill --restart` writes all rows anew',
  );
}

/** A shard whose process ended without a word has none listed. */
function more(io: Io, listed: number, all: number, noun: string, where: string): void {
  const left = listed === 0 ? plural(all, noun) : `and ${plural(all - listed, `more ${noun}`)}`;
  if (all > listed) writeLine(io.stdout, `  ${left}; ${where}`);
}

/** Where bad rows stay behind. Ends in a line break, or is empty. */
function retryHint(run: RunOptions, outcomes: readonly ShardOutcome[]): string {
  if (outcomes.every((outcome) => outcome.badRows === 0)) return '';
  return [
    `\`dynaferry bad-rows ${run.selection}\` lists the bad rows; change the mapping of their columns, or correct or delete them in MySQL,`,
    `then \`dynaferry backfill ${run.selection} --retry-bad\` moves them\n`,
  ].join('\n');
}

function suspectText(outcome: ShardOutcome): string {
  const when =
    outcome.suspectsClosableAt === null ? '' : ` after ${new Date(outcome.suspectsClosableAt).toISOString()}`;
  return `${plural(outcome.suspects, 'write')} ended without an answer and could still land: verify again${when}`;
}

function lateWritesText(until: number): string {
  return `what the earlier run had sent could still land: verify again after ${new Date(until).toISOString()}`;
}

function nextStep(run: RunOptions, outcomes: readonly ShardOutcome[]): string {
  if (outcomes.some((outcome) => outcome.exitCode === EXIT.interrupted))
    return run.resume === null
      ? `run the same command again to resume${run.kind === 'verify' ? '; later than verify.maxAge, all is compared again' : ''}`
      : `to resume, run \`${run.resume}\`; with --restart, all of it would start again`;
  if (outcomes.some((outcome) => outcome.outcome === 'failed')) return '';
  if (run.kind === 'backfill' && run.dryRun)
    return outcomes.every((outcome) => outcome.outcome === 'done')
      ? `next: dynaferry backfill ${run.selection}`
      : `next: \`dynaferry bad-rows ${run.selection} --dry-run\` lists them; change the mapping, or allow some with --max-bad-rows`;
  if (run.kind === 'backfill') {
    const done = outcomes.some((outcome) => outcome.alreadyDone)
      ? 'what was added or changed in MySQL since is not looked at here: verify finds it, --restart moves it\n'
      : '';
    const unfinished = run.retryBad && !outcomes.every((outcome) => outcome.backfillFinished);
    if (unfinished) return `next: the backfill is not finished; \`dynaferry backfill ${run.selection}\` resumes it`;
    return `${done}${retryHint(run, outcomes)}next: dynaferry verify ${run.selection}`;
  }
  if (outcomes.every((outcome) => outcome.outcome === 'done')) {
    const newer = outcomes.reduce((sum, { counts }) => sum + counts.newerItems, 0);
    const expired = outcomes.reduce((sum, { counts }) => sum + counts.expiredItems, 0);
    const exceptions = [
      newer > 0 ? `, except ${plural(newer, 'item')} that the live writer has made newer since` : '',
      expired > 0 ? `, except ${plural(expired, 'item')} that TTL has deleted, as far as can be told` : '',
    ];
    const oldest = oldestOf(outcomes.flatMap(({ oldestComparison }) => oldestComparison ?? []));
    const age = oldest === null ? '' : `; oldest comparison ${agoWords(oldest)}`;
    return `every row has its item, equal in every attribute${exceptions.join('')}${age}`;
  }
  if (!outcomes.every((outcome) => outcome.backfillFinished)) {
    return `next: the backfill is not finished; \`dynaferry backfill ${run.selection}\` resumes it, then verify again`;
  }
  const total = (of: (outcome: ShardOutcome) => number): number => outcomes.reduce((sum, each) => sum + of(each), 0);
  const [wrong, unresolved, doubtful] = [
    total(({ missing, differing }) => missing + differing),
    total((outcome) => outcome.unresolved),
    total((outcome) => outcome.doubtful),
  ];
  const openUntil = Math.max(
    ...outcomes.flatMap(({ suspectsClosableAt, lateWritesUntil }) => [suspectsClosableAt ?? 0, lateWritesUntil ?? 0]),
  );
  if (wrong === 0 && unresolved > 0) {
    // Nothing is known to be wrong, so nothing is to be written again.
    const quiet = [
      unresolved > doubtful ? 'while nobody changes the rows that kept changing' : '',
      doubtful > 0 ? 'while TTL stays as it is' : '',
      openUntil > 0 ? `after ${new Date(openUntil).toISOString()}` : '',
    ].filter((text) => text !== '');
    return `${retryHint(run, outcomes)}next: \`dynaferry verify ${run.selection}\` again ${quiet.join(', and ')}`;
  }
  if (wrong === 0 && openUntil > 0)
    return `${retryHint(run, outcomes)}next: nothing is wrong so far; \`dynaferry verify ${run.selection}\` again after ${new Date(openUntil).toISOString()}`;
  if (wrong === 0)
    return `${retryHint(run, outcomes)}next: what is left are bad rows; verify again when they are moved`;
  return [
    ...(outcomes.some((outcome) => outcome.badRows > 0) ? [retryHint(run, outcomes).trimEnd()] : []),
    'next: find out who changed the target or the source; `dynaferry diff --keys KEY --show-values` shows a row beside its item;',
    ...(outcomes.some(({ takenOver }) => takenOver.length > 0)
      ? [`      what was not read again may be right by now: \`dynaferry verify ${run.selection}\` compares all of it;`]
      : []),
    ...(run.liveWriter && outcomes.some(({ differing }) => differing > 0)
      ? ['      beside a live writer, delete the items that differ first: one of the same version stays as it is;']
      : []),
    `      \`dynaferry backfill ${run.selection} --restart\` writes the rows as they are now, then verify again`,
  ].join('\n');
}
