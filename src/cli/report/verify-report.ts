/**
 * The words of a report of `verify`: what differs, how old the evidence is, and a next step that costs no more than
 * needed.
 */
import { oldestOf } from '../../core/evidence.js';
import { namesOfServer } from '../../core/text/shown-text.js';
import type { VerifyResult } from '../../engine/verify.js';
import { agoWords, count, minuteOf, plural } from '../../wording/number-format.js';
import type { Ending } from '../../wiring/run/shard-task.js';
import type { ReportedRun } from './verb-report.js';
import { acceptedChangeLines, amountText, badRowLines, moreLines, notStartedText, retryLines } from './rows-report.js';
import type { VerbReport } from './verb-report.js';

export const VERIFY_REPORT: VerbReport<'verify'> = {
  notStarted: (outcome) => notStartedText(outcome, 'compared'),
  resumeNote: '; after more than verify.maxAge, it compares everything again',
  verdict: (_, outcome) => verdictText(outcome),
  amount: (outcome) => amountText(outcome, ' seen', 'RCU'),
  details: (run, outcome, restartLeft) => [
    ...(outcome.status === 'done' || restartLeft ? [] : unfinishedLines(outcome)),
    ...ageLines(outcome),
    ...badRowLines(run, outcome.shard, outcome),
    ...differenceLines(outcome),
    ...(outcome.differing > 0 ? acceptedChangeLines(outcome) : []),
    ...openWriteLines(outcome),
  ],
  nextStep(run, outcomes) {
    if (outcomes.every(({ status }) => status === 'done')) return verifiedText(outcomes);
    if (!outcomes.every(({ backfillFinished }) => backfillFinished))
      return `next: the backfill is not finished; \`dynaferry backfill ${run.selection}\` resumes it, then verify again`;
    return nothingKnownWrong(run, outcomes) ?? whatToDoAboutDifferences(run, outcomes);
  },
};

function verdictText(outcome: VerifyResult & Pick<Ending, 'status'>): string {
  if (outcome.status === 'done') return 'verified';
  return `${outcome.status === 'unproven' ? 'not proven' : 'NOT verified'}: ${whatIsWrong(outcome)}`;
}

/** Never nothing: a verification does not pass over bad rows and open writes either. */
function whatIsWrong(result: VerifyResult): string {
  const { missing, differing, unresolved, badRows, suspects, lateWritesUntil, backfillFinished } = result;
  const parts = [
    backfillFinished ? '' : 'the backfill is not finished',
    missing > 0 ? `${count(missing)} missing` : '',
    differing > 0 ? `${count(differing)} differing` : '',
    unresolved > 0 ? `${count(unresolved)} unresolved` : '',
    badRows > 0 ? `${plural(badRows, 'bad row')} left behind` : '',
    suspects > 0 ? `${plural(suspects, 'write')} without an answer` : '',
    lateWritesUntil === null ? '' : 'an earlier run ended with writes in flight',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function unfinishedLines({ unfinished }: VerifyResult): readonly string[] {
  return unfinished.map(({ table, begun }) =>
    begun
      ? `the backfill of ${table} is not finished: items that are missing may not have been moved yet`
      : `the backfill of ${table} was not started: no row of it was moved or compared`,
  );
}

/** Returns the age of the evidence: nobody should switch off a database on old comparisons without knowing it. */
function ageLines({ oldestComparison, takenOver }: VerifyResult): readonly string[] {
  return [
    ...takenOver.map(({ table, lastCompared }) => `${table}: compared ${agoWords(lastCompared)}, not read again`),
    ...(oldestComparison === null
      ? []
      : [`oldest comparison ${minuteOf(oldestComparison.at)}, ${agoWords(oldestComparison)}`]),
  ];
}

function differenceLines({ findings, missing, differing, unresolved, doubtful }: VerifyResult): readonly string[] {
  const { differences } = findings;
  const found = missing + differing + unresolved - doubtful;
  const ttl = `unresolved ${plural(doubtful, 'item')} that TTL may have deleted, or that may be missing. TTL was changed on the table during the verification; verify again`;
  return [
    ...differences.map((difference) => {
      const names = difference.attributes.length > 0 ? `  ${namesOfServer(difference.attributes)}` : '';
      return `${difference.class.padEnd(10)} ${difference.keyText}${names}`;
    }),
    ...(doubtful > 0 ? [ttl] : []),
    ...moreLines(differences.length, found, 'difference', 'the state counts them all, and keeps the first ones'),
  ];
}

function openWriteLines({ suspects, suspectsClosableAt, lateWritesUntil }: VerifyResult): readonly string[] {
  const when = suspectsClosableAt === null ? '' : ` after ${new Date(suspectsClosableAt).toISOString()}`;
  return [
    ...(suspects > 0
      ? [`${plural(suspects, 'write')} ended without an answer, and DynamoDB may still apply them: verify again${when}`]
      : []),
    ...(lateWritesUntil === null
      ? []
      : [
          `DynamoDB may still apply writes of the earlier run: verify again after ${new Date(lateWritesUntil).toISOString()}`,
        ]),
  ];
}

function verifiedText(outcomes: readonly VerifyResult[]): string {
  const newer = sumOf(outcomes, ({ counts }) => counts.newerItems);
  const expired = sumOf(outcomes, ({ counts }) => counts.expiredItems);
  const exceptions = [
    newer > 0 ? `, except ${plural(newer, 'item')} that the live writer has made newer since` : '',
    expired > 0 ? `, except ${plural(expired, 'item')} that TTL has deleted, as far as can be told` : '',
  ];
  const oldest = oldestOf(outcomes.flatMap(({ oldestComparison }) => oldestComparison ?? []));
  const age = oldest === null ? '' : `; oldest comparison ${agoWords(oldest)}`;
  return `every row has its item, equal in every attribute${exceptions.join('')}${age}`;
}

/**
 * Returns the next step if nothing is known to be wrong: then nothing is written again. Returns null if something is
 * wrong.
 */
function nothingKnownWrong(run: ReportedRun, outcomes: readonly VerifyResult[]): string | null {
  const unresolved = sumOf(outcomes, (outcome) => outcome.unresolved);
  const doubtful = sumOf(outcomes, (outcome) => outcome.doubtful);
  if (sumOf(outcomes, ({ missing, differing }) => missing + differing) > 0) return null;
  const openUntil = Math.max(
    ...outcomes.flatMap(({ suspectsClosableAt, lateWritesUntil }) => [suspectsClosableAt ?? 0, lateWritesUntil ?? 0]),
  );
  const verify = `\`dynaferry verify ${run.selection}\` again`;
  const next = (): string => {
    if (unresolved > 0) {
      const quiet = [
        unresolved > doubtful ? 'while nobody changes the rows that kept changing' : '',
        doubtful > 0 ? 'while TTL stays as it is' : '',
        openUntil > 0 ? `after ${new Date(openUntil).toISOString()}` : '',
      ].filter((text) => text !== '');
      return `next: ${verify} ${quiet.join(', and ')}`;
    }
    if (openUntil > 0) return `next: nothing is wrong so far; ${verify} after ${new Date(openUntil).toISOString()}`;
    return 'next: only bad rows are left; verify again when they are moved';
  };
  return [...retryLines(run, outcomes), next()].join('\n');
}

function whatToDoAboutDifferences(run: ReportedRun, outcomes: readonly VerifyResult[]): string {
  return [
    ...retryLines(run, outcomes),
    'next: find out who changed the target or the source; `dynaferry diff --keys KEY --show-values` shows a row beside its item;',
    ...(outcomes.some(({ takenOver }) => takenOver.length > 0)
      ? [
          `      what this run did not read again may be right by now: \`dynaferry verify ${run.selection}\` compares all of it;`,
        ]
      : []),
    ...(run.liveWriter && outcomes.some(({ differing }) => differing > 0)
      ? [
          '      beside a live writer, delete the items that differ first: dynaferry does not overwrite an item of the same version;',
        ]
      : []),
    `      \`dynaferry backfill ${run.selection} --restart\` writes the rows as they are now, then verify again`,
  ].join('\n');
}

function sumOf(outcomes: readonly VerifyResult[], of: (outcome: VerifyResult) => number): number {
  return outcomes.reduce((sum, outcome) => sum + of(outcome), 0);
}
