/**
 * What an operator types to go on. As a rule the same command; but `--restart` would begin anew what it has begun, so
 * where a run with it was interrupted or failed, every place that says "run the same command again" names the command
 * without it. It starts what the restart had not come to (`state/restart.ts`) and resumes the rest.
 *
 * Followed: all next steps of faults, in reports, events and documents, go through `restated`; the report's last line
 * names it.
 */
import type { Fault } from '../core/errors.js';
import { EventBus } from '../core/event-bus.js';
import type { Ending } from '../wiring/run/shard-task.js';
import type { ShardOptions } from './common-options.js';
import type { RunRequest } from './run-options.js';
import type { VerbName } from '../engine/verbs.js';

/** null: the same command. */
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

/** For a POSIX shell. */
function quoted(word: string): string {
  return /^[\w./+,:@%-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Its next step, with the command that resumes in place of "the same". */
export function restated<F extends Pick<Fault, 'hint'>>(fault: F, resume: string | null): F {
  if (resume === null) return fault;
  // Not as a text to put in: `$'` and the like, as a name of a file may have, would mean something there.
  return {
    ...fault,
    hint: fault.hint.replace(/\b([Rr]un) the same command again\b/g, (_, run) => `${run} \`${resume}\``),
  };
}

export function restatedOutcome<O extends Ending>(outcome: O, resume: string | null): O {
  return { ...outcome, fault: outcome.fault === null ? null : restated(outcome.fault, resume) };
}

/** @returns a bus whose events come out on `bus`, restated */
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
