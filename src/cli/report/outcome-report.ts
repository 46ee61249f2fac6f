/** The report of a run on stdout: what each shard came to, the keys of what is wrong, the next step. */
import { EXIT } from '../../core/errors.js';
import type { VerbName } from '../../engine/verbs.js';
import type { Ending, OutcomeOf } from '../../wiring/run/shard-task.js';
import { writeLine, type Io } from '../io.js';
import { printFault } from '../print-error.js';
import type { ReportedRun } from './verb-report.js';
import type { VerbReport } from './verb-report.js';

export function printOutcomes<Name extends VerbName>(
  io: Io,
  run: ReportedRun,
  report: VerbReport<Name>,
  outcomes: readonly OutcomeOf<Name>[],
): void {
  for (const outcome of outcomes) {
    const restartLeft = isStillToRestart(run, outcome);
    writeLine(io.stdout, `${outcome.shard}  ${headline(run, report, outcome, restartLeft)}`);
    for (const line of report.details(run, outcome, restartLeft)) writeLine(io.stdout, `  ${line}`);
    if (outcome.fault !== null && outcome.status === 'failed')
      printFault(io.stderr, `error ${outcome.shard}`, outcome.fault);
  }
  const next = nextStep(run, report, outcomes);
  if (next !== '') writeLine(io.stdout, next);
}

/** Returns whether a restart has not reached the shard: its records, if any, are those of the earlier backfill. */
function isStillToRestart(run: ReportedRun, { shard, toldBy, status }: Ending): boolean {
  return run.restartsLeft.includes(shard) && (toldBy !== 'process' || status === 'interrupted');
}

function headline<Name extends VerbName>(
  run: ReportedRun,
  report: VerbReport<Name>,
  outcome: OutcomeOf<Name>,
  restartLeft: boolean,
): string {
  if (restartLeft) return '--restart has not reached it yet: this run wrote no item of it';
  if (outcome.toldBy === 'nobody') return report.notStarted(outcome);
  return `${verdict(run, report, outcome)}: ${report.amount(outcome)}`;
}

function verdict<Name extends VerbName>(run: ReportedRun, report: VerbReport<Name>, outcome: OutcomeOf<Name>): string {
  switch (outcome.status) {
    case 'interrupted':
      return outcome.toldBy === 'state'
        ? 'its process ended before the stop was complete; the checkpoint has'
        : 'interrupted, checkpoint saved';
    case 'failed':
      return 'failed';
    case 'done':
    case 'differences':
    case 'unproven':
      return report.verdict(run, outcome);
  }
}

function nextStep<Name extends VerbName>(
  run: ReportedRun,
  report: VerbReport<Name>,
  outcomes: readonly OutcomeOf<Name>[],
): string {
  if (outcomes.some(({ exitCode }) => exitCode === EXIT.interrupted))
    return run.resume === null
      ? `run the same command again to resume${report.resumeNote}`
      : `to resume, run \`${run.resume}\`; with --restart, all shards would start again`;
  if (outcomes.some(({ status }) => status === 'failed')) return '';
  return report.nextStep(run, outcomes);
}
