/**
 * A shard's process that the machine did not let start, or ended for its memory: told as what it is, not as a process
 * that died without a word. The kernel says nothing to whom it ends; it counts such ends, in the container's control
 * group.
 */
import type { FerryError } from '../../core/errors.js';
import { machineFault, outOfMemory } from '../../core/machine-faults.js';
import { memoryKills } from '../../wiring/look/machine.js';

/**
 * What a shard's process exits with where it could not even load its own code for want of files: EX_OSERR of
 * sysexits(3).
 */
export const NO_FILES_TO_LOAD = 71;

export class MachineWatch {
  readonly #killsBefore = memoryKills();

  constructor(private readonly shard: string) {}

  /** @param error what starting it failed with @returns null where the machine is not to blame, as far as it says */
  refused(error: unknown): FerryError | null {
    return machineFault(`the process of shard ${this.shard} could not be started`, error);
  }

  /**
   * @param how the signal or the exit code that it ended by
   * @param fatal V8's own last words, if it had any
   */
  ended(how: string, fatal: string | null): FerryError | null {
    if (how === `exit code ${NO_FILES_TO_LOAD}`) return this.refused({ code: 'EMFILE' });
    // V8 ends a process by SIGABRT where its heap is full, and for faults of its own.
    if (fatal !== null && /out of memory/i.test(fatal)) {
      return outOfMemory(`the process of shard ${this.shard} ended by ${how}: ${fatal}`);
    }
    const kills = memoryKills();
    if (how !== 'SIGKILL' || kills === null || this.#killsBefore === null || kills <= this.#killsBefore) return null;
    return outOfMemory(
      `the kernel ended the process of shard ${this.shard} for its memory, or another one of this container: SIGKILL came as it counted one more`,
    );
  }
}
