/**
 * Finds out whether the machine is to blame for a shard's process that did not start, or that ended. Without it, the
 * report would only say that the process died. When the kernel ends a process for its memory, it gives the process no
 * reason. But it counts such ends in the control group of the container.
 */
import type { FerryError } from '../../core/errors.js';
import { machineFault, outOfMemory } from '../../core/machine/machine-faults.js';
import { memoryKills } from '../../wiring/look/machine.js';

/** Exit code of a shard's process that could not open the files of its own code: EX_OSERR of sysexits(3). */
export const NO_FILES_TO_LOAD = 71;

export class MachineWatch {
  readonly #killsBefore = memoryKills();

  constructor(private readonly shard: string) {}

  /**
   * Judges a start that failed.
   * @param error what the start failed with
   * @returns null if nothing shows that the machine is to blame
   */
  refused(error: unknown): FerryError | null {
    return machineFault(`the process of shard ${this.shard} could not be started`, error);
  }

  /**
   * Judges an end without an outcome.
   * @param how the signal or the exit code that it ended by
   * @param fatal V8's own last words, if it had any
   */
  ended(how: string, fatal: string | null): FerryError | null {
    if (how === `exit code ${NO_FILES_TO_LOAD}`) return this.refused({ code: 'EMFILE' });
    // V8 ends a process by SIGABRT if its heap is full, and for faults of its own.
    if (fatal !== null && /out of memory/i.test(fatal)) {
      return outOfMemory(`the process of shard ${this.shard} ended by ${how}: ${fatal}`);
    }
    const kills = memoryKills();
    if (how !== 'SIGKILL' || kills === null || this.#killsBefore === null || kills <= this.#killsBefore) return null;
    return outOfMemory(
      `the process of shard ${this.shard} ended by SIGKILL, while the kernel counted another process killed for lack of memory`,
    );
  }
}
