/**
 * A shard's process that the machine did not let start, or ended for its memory: told as what it is, not as a process that died without a
 * word. The kernel says nothing to whom it ends; it counts such ends, in the container's control group.
 */
import type { FerryError } from '../core/errors.js';
import { machineFault, outOfMemory } from '../core/machine-faults.js';
import { memoryKills } from '../core/machine.js';

export class MachineWatch {
  readonly #killsBefore = memoryKills();

  constructor(private readonly shard: string) {}

  /** @param error what starting it failed with @returns null where the machine is not to blame, as far as it says */
  refused(error: unknown): FerryError | null {
    return machineFault(`the process of shard ${this.shard} could not be started`, error);
  }

  /** @param how the signal or the exit code that it ended by */
  ended(how: string): FerryError | null {
    // V8 ends the process so where its heap is full.
    if (how === 'SIGABRT') return outOfMemory(`the process of shard ${this.shard} ended by ${how}: its heap was full`);
    const kills = memoryKills();
    if (how !== 'SIGKILL' || kills === null || this.#killsBefore === null || kills <= this.#killsBefore) return null;
    return outOfMemory(
      `the kernel ended the process of shard ${this.shard} for its memory, or another one of this container: SIGKILL came as it counted one more`,
    );
  }
}
