/**
 * Builds the command that resumes a run. Usually it is the same command. With `--restart` it is not, since that would
 * start again what it has started. If such a run was interrupted or failed, every place that says "run the same command
 * again" names the command without `--restart`. That command starts what the restart had not reached
 * (`state/restart.ts`), and resumes the rest.
 *
 * All next steps of faults, in reports, events and documents, go through `restated`. The report's last line names the
 * command too.
 */
import type { Fault } from '../core/errors.js';
import { EventBus } from '../core/event-bus.js';
import type { Ending } from '../wiring/run/shard-task.js';
import type { ShardOptions } from './common-options.js';
import type { RunRequest } from './run-options.js';
import type { VerbName } from '../engine/verbs.js';

/** Returns the command; null: the same one. */
export function resumeCommand(
  common: ShardOptions,
  run: Pick<RunRequest<VerbName>, 'restart' | 'jobs' | 'allEvents' | 'repeated'>,
  command: string,
  selection: string,
): string | null {
  if (!run.restart) return null;
  const config = common.config === 'dynaferry.yaml' ? [] : ['--config', quoted(common.config)];
  return [
    'dynaferry',
    command,
    selection,
    ...config,
    ...(run.jobs === undefined ? [] : ['--jobs', String(run.jobs)]),
    ...run.repeated,
    ...(run.allEvents ? ['--all-events'] : common.json ? ['--json'] : []),
  ].join(' ');
}

/** Quotes a word for a POSIX shell. */
function quoted(word: string): string {
  return /^[\w./+,:@%-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Returns the fault with the command that resumes in its next step, in place of "the same command". */
export function restated<F extends Pick<Fault, 'hint'>>(fault: F, resume: string | null): F {
  if (resume === null) return fault;
  // A function, not a replacement text: there, `$'` and the like, as in the name of a file, would have a meaning.
  return {
    ...fault,
    hint: fault.hint.replace(/\b([Rr]un) the same command again\b/g, (_, run) => `${run} \`${resume}\``),
  };
}

export function restatedOutcome<O extends Ending>(outcome: O, resume: string | null): O {
  return { ...outcome, fault: outcome.fault === null ? null : restated(outcome.fault, resume) };
}

/** @returns a bus that forwards its events to `bus`, restated */
export function restating(bus: EventBus, resume: string | null): EventBus {
  if (resume === null) return bus;
  const inner = new EventBus(bus.run);
  inner.onAny((record) => {
    if (record.name === 'shard.warning') bus.forward({ ...record, payload: restated(record.payload, resume) });
    else if (record.name === 'run.warning') bus.forward({ ...record, payload: restated(record.payload, resume) });
    else if (record.name === 'shard.stalled') bus.forward({ ...record, payload: restated(record.payload, resume) });
    else if (record.name === 'shard.finished' && record.payload.fault !== null)
      bus.forward({ ...record, payload: { ...record.payload, fault: restated(record.payload.fault, resume) } });
    else bus.forward(record);
  });
  return inner;
}
