/** The words of a report of `backfill --retry-bad`. */
import type { RetryCounts } from '../../engine/retry/retry-counts.js';
import { count, duration, plural } from '../../wording/number-format.js';
import {
  acceptedChangeLines,
  afterMoving,
  amountText,
  badRowLines,
  notStartedText,
  unfinishedLines,
} from './rows-report.js';
import type { VerbReport } from './verb-report.js';

export const RETRY_BAD_REPORT: VerbReport<'retry-bad'> = {
  notStarted: (outcome) => notStartedText(outcome, 'moved'),
  resumeNote: '',
  verdict: (_, { status }) => (status === 'done' ? 'done' : 'done except for the bad rows'),
  amount: (outcome) =>
    outcome.retried === null
      ? amountText(outcome, '', 'WCU')
      : `${retriedText(outcome.retried)}, ${duration(outcome.elapsedMs / 1_000)}`,
  details: (run, outcome, restartLeft) => [
    ...(restartLeft ? [] : unfinishedLines(outcome)),
    ...badRowLines(run, outcome.shard, outcome),
    ...acceptedChangeLines(outcome),
  ],
  nextStep(run, outcomes) {
    if (outcomes.some(({ backfillFinished }) => !backfillFinished))
      return `next: the backfill is not finished; \`dynaferry backfill ${run.selection}\` resumes it`;
    return afterMoving(run, outcomes, []);
  },
};

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
