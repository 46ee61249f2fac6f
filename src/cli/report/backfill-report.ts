/** The words of a report of `backfill`. */
import { afterMoving, amountText, badRowLines, notStartedText, unfinishedLines } from './rows-report.js';
import type { VerbReport } from './verb-report.js';

export const BACKFILL_REPORT: VerbReport<'backfill'> = {
  notStarted: (outcome) => notStartedText(outcome, 'moved'),
  resumeNote: '',
  verdict({ dryRun }, { status, alreadyDone }) {
    if (status !== 'done') return dryRun ? 'dry run found bad rows, nothing written' : 'done except for the bad rows';
    if (alreadyDone) return 'was done already';
    return dryRun ? 'dry run passed, nothing written' : 'done';
  },
  amount: (outcome) => amountText(outcome, '', 'WCU'),
  details: (run, outcome, restartLeft) => [
    ...(outcome.status === 'done' || restartLeft ? [] : unfinishedLines(outcome)),
    ...badRowLines(run, outcome.shard, outcome),
  ],
  nextStep(run, outcomes) {
    if (run.dryRun)
      return outcomes.every(({ status }) => status === 'done')
        ? `next: dynaferry backfill ${run.selection}`
        : `next: \`dynaferry bad-rows ${run.selection} --dry-run\` lists them; change the mapping, or allow some with --max-bad-rows`;
    const already = outcomes.some(({ alreadyDone }) => alreadyDone);
    const since =
      'this run did not look for rows added or changed in MySQL since then: verify finds them, --restart moves them';
    return afterMoving(run, outcomes, already ? [since] : []);
  },
};
