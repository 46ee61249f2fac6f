/**
 * Says why a shard's process ended that gave no outcome. A process that stops in order gives one, so a stop alone does
 * not explain such an end. The report says what ended the process, and mentions the stop beside it. The checkpoint
 * stands in any case; what was under way is not in it.
 *
 *   ended by us, as asked (a second signal, or too slow a stop), or by hand before it listened     E_INTERRUPTED
 *   ended by us, as it hung                                                                        E_WORKER_HUNG
 *   sent SIGKILL, and still there                                                                   E_WORKER_HUNG
 *   refused or ended by the machine                                                                that fault
 *   anything else: a crash, a kill by others, an exit                                              E_WORKER_DIED
 */
import { FerryError } from '../../core/errors.js';

/** How a process ended that did not: one that waits for a dead disk does not even die. */
export const STILL_THERE = 'SIGKILL, and is still there';

export interface SilentEnd {
  readonly shard: string;
  /** The signal or the exit code that it ended by, or why it could not be started. */
  readonly how: string;
  /** V8's own last words, if it had any. */
  readonly fatal: string | null;
  /** It was asked to stop. */
  readonly stopped: boolean;
  /**
   * Why it was sent SIGKILL from here; null: it was not. `at-once`: by a second signal; `slow`: its stop took too long;
   * `refused`: the machine did not let it start.
   */
  readonly killed: 'at-once' | 'slow' | 'refused' | { readonly hung: string } | null;
  /** What the machine is to blame for, as far as it says. */
  readonly byMachine: FerryError | null;
}

/** Before its handlers are there, these end it: somebody stopped it, as they stop one that is at work. */
const ENDED_BY_HAND: ReadonlySet<string> = new Set(['SIGINT', 'SIGTERM', 'SIGHUP']);

const NOT_RECORDED = 'its unfinished work is not in the checkpoint';
const RESUMES = 'Run the same command again: it resumes from the checkpoint';

/** @param stopSeconds that a stop may take */
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
  // A signal of another kind came first, whatever was sent from here.
  if (how === 'SIGKILL' && killed !== null) {
    if (killed === 'at-once')
      return stoppedBy(`the process of shard ${shard} was ended at once, as asked; ${NOT_RECORDED}`);
    if (killed === 'slow')
      return stoppedBy(
        `the process of shard ${shard} was asked to stop, did not stop within ${stopSeconds} s, and was ended; ${NOT_RECORDED}`,
      );
    // Of one that hung too: it was for what the machine did not give to it.
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
