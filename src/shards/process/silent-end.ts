/**
 * Says why a shard's process ended without an outcome. A process that stops in order gives one, so a stop alone does
 * not explain such an end. The report says what ended the process, and mentions the stop beside it. The checkpoint
 * stands in any case. Work that was under way is not in it.
 *
 * | end of the process | code |
 * | --- | --- |
 * | a second signal or too slow a stop made us kill it | E_INTERRUPTED |
 * | somebody ended it by hand before it listened | E_INTERRUPTED |
 * | we killed it, as it hung | E_WORKER_HUNG |
 * | we sent SIGKILL, and it is still there | E_WORKER_HUNG |
 * | the machine refused or ended it | that fault |
 * | anything else: a crash, a kill by others, an exit | E_WORKER_DIED |
 */
import { FerryError } from '../../core/errors.js';

/** The end of a process that did not end: one that waits for a dead disk does not even die. */
export const STILL_THERE = 'SIGKILL, and is still there';

export interface SilentEnd {
  readonly shard: string;
  /** The signal or the exit code that it ended by, or why it could not start. */
  readonly how: string;
  /** V8's own last words, if it had any. */
  readonly fatal: string | null;
  /** It was asked to stop. */
  readonly stopped: boolean;
  /**
   * Why the supervisor sent it SIGKILL; null: it did not. `at-once`: by a second signal; `slow`: its stop took too
   * long; `refused`: the machine did not let it start.
   */
  readonly killed: 'at-once' | 'slow' | 'refused' | { readonly hung: string } | null;
  /** The fault of the machine, as far as anything shows it. */
  readonly byMachine: FerryError | null;
}

/** Before its handlers are there, these signals end it. Somebody stopped it, just as they stop a process at work. */
const ENDED_BY_HAND: ReadonlySet<string> = new Set(['SIGINT', 'SIGTERM', 'SIGHUP']);

const NOT_RECORDED = 'its unfinished work is not in the checkpoint';
const RESUMES = 'Run the same command again: it resumes from the checkpoint';

/** @param stopSeconds the longest that a stop may take */
export function reasonOf(end: SilentEnd, stopSeconds: number): FerryError {
  const { shard, how, killed, stopped } = end;
  if (ENDED_BY_HAND.has(how))
    return stoppedBy(`the process of shard ${shard} was ended by ${how} before it had started`);
  if (how === STILL_THERE)
    return new FerryError(
      'E_WORKER_HUNG',
      `the process of shard ${shard} was sent ${how}`,
      `check whether the disk of the state folder hangs. While that process exists, no other process can work on the shard. ${RESUMES}`,
    );
  // If another signal ended it, that one came before the supervisor's SIGKILL.
  if (how === 'SIGKILL' && killed !== null) {
    if (killed === 'at-once')
      return stoppedBy(`the process of shard ${shard} was ended at once, as asked; ${NOT_RECORDED}`);
    if (killed === 'slow')
      return stoppedBy(
        `the process of shard ${shard} was asked to stop, did not stop within ${stopSeconds} s, and was ended; ${NOT_RECORDED}`,
      );
    // This also holds for a process that hung, as it waited for what the machine did not give it.
    if (end.byMachine !== null) return end.byMachine;
    if (killed !== 'refused')
      return new FerryError(
        'E_WORKER_HUNG',
        `the process of shard ${shard} ${killed.hung} and was ended`,
        `check whether somebody stopped it, or the disk of the state folder hangs. ${RESUMES}`,
      );
  }
  const { code, message, hint, options } = end.byMachine ?? died(end);
  if (!stopped) return new FerryError(code, message, hint, options);
  return new FerryError(code, `${message}; it had been asked to stop, and ${NOT_RECORDED}`, hint, options);
}

function stoppedBy(message: string): FerryError {
  return new FerryError('E_INTERRUPTED', message, 'run the same command again to resume');
}

function died({ shard, how, fatal }: SilentEnd): FerryError {
  return new FerryError(
    'E_WORKER_DIED',
    `the process of shard ${shard} ended by ${how} before it was done${fatal === null ? '' : `: ${fatal}`}`,
    `check whether it ran out of memory, or somebody killed it. ${RESUMES}`,
  );
}
