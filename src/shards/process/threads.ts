/**
 * Finds out whether a shard's process gets the threads that Node needs. With too few, Node gives no reason that a
 * parent could read: it ends by SIGABRT, or waits for ever. So this asks the machine before a process starts. It asks
 * again about a process that ends, or stays silent, before its first message. Root has no limit, and a machine that
 * does not answer refuses nothing here.
 */
import type { FerryError } from '../../core/errors.js';
import { tooManyProcesses } from '../../core/machine/machine-faults.js';
import { NODE_THREADS, processesLeft, threadsOfProcess } from '../../wiring/look/machine.js';

/** The words of glibc and Node (node_platform.cc), if they report it at all. */
const NO_THREAD = /pthread_create|uv_thread_create/;

export class Threads {
  /** Process ids of those that have started, and have sent no message yet. */
  readonly #starting = new Set<number>();

  constructor(
    private readonly left: () => number | null = processesLeft,
    private readonly taken: (pid: number) => number = threadsOfProcess,
  ) {}

  started(pid: number): void {
    this.#starting.add(pid);
  }

  /** Notes that the process has all of its threads, or is gone. */
  settled(pid: number): void {
    this.#starting.delete(pid);
  }

  /** Returns why one more process cannot start; null: nothing shows that it cannot. */
  lacking(shard: string): FerryError | null {
    const left = this.left();
    if (left === null) return null;
    const promised = [...this.#starting].reduce((sum, pid) => sum + Math.max(0, NODE_THREADS - this.taken(pid)), 0);
    const free = Math.max(0, left - promised);
    if (free >= NODE_THREADS) return null;
    return tooManyProcesses(
      `the process of shard ${shard} was not started: only ${free} more processes and threads may start, and it needs ${NODE_THREADS}`,
    );
  }

  /**
   * Judges a process that has ended.
   * @param said its stderr
   * @returns null if it ended for another reason
   */
  ended(shard: string, pid: number, how: string, said: string): FerryError | null {
    if (how !== 'SIGABRT') return null;
    const left = this.left();
    const few = this.#starting.has(pid) && left !== null && left < NODE_THREADS;
    return few || NO_THREAD.test(said)
      ? tooManyProcesses(`the process of shard ${shard} ended by SIGABRT, because it got too few threads`)
      : null;
  }

  /** Judges a process that has been silent for seconds. @returns null if it waits for something else */
  stuck(shard: string, pid: number): FerryError | null {
    const left = this.left();
    const taken = this.taken(pid);
    if (!this.#starting.has(pid) || left === null || taken === 0 || left + taken >= NODE_THREADS) return null;
    return tooManyProcesses(
      `the process of shard ${shard} did not start, because it got too few threads, and was ended`,
    );
  }
}
