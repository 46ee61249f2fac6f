/**
 * The watermark of one range. Chunks are started in key order and may finish in any order; what is committed is always
 * the unbroken run of done chunks from the watermark up, and it is given up only once its commit has returned.
 *
 *   started:  c1 c2 c3 c4          done: c2 c4        -> nothing to commit
 *   then c1 is done                                   -> c1 c2 are committed, c4 waits for c3
 *   the commit of c1 c2 throws  -> c1 to c4 stay open, and nothing of the range is committed any more
 *
 * A commit that threw may or may not have had its effect: to commit its run again could count it twice, and to commit
 * what is behind it would jump over it. The state alone knows, and the next run asks it. How far that kind was
 * followed: every other call of the state ends the run where it throws, and whoever remembers what it stored
 * (`BadRowTracker`, `SuspectCheck`, `ShardValues`) does so afterwards. test/faults/failing-state.test.ts has each call
 * of the state and of the register fail once at each place.
 */
export class Watermark<Done> {
  readonly #waiting: { done: Done | null }[] = [];
  #broken = false;

  /** @param commit makes a run of done chunks durable, or throws */
  constructor(private readonly commit: (run: readonly Done[]) => void) {}

  /** Registers the next chunk in key order. @returns call it when the chunk is done; @throws what the commit throws */
  start(): (done: Done) => void {
    const slot: { done: Done | null } = { done: null };
    this.#waiting.push(slot);
    return (done) => {
      slot.done = done;
      this.#commitRun();
    };
  }

  /** Chunks started and not committed. */
  get open(): number {
    return this.#waiting.length;
  }

  #commitRun(): void {
    if (this.#broken) return;
    const run: Done[] = [];
    for (const { done } of this.#waiting) {
      if (done === null) break;
      run.push(done);
    }
    if (run.length === 0) return;
    this.#broken = true;
    this.commit(run);
    this.#broken = false;
    this.#waiting.splice(0, run.length);
  }
}
