/**
 * The watermark of one range. Chunks start in key order and may finish in any order. The watermark commits only the
 * unbroken run of done chunks behind it. It drops a run only after the commit has returned.
 *
 *   started:  c1 c2 c3 c4          done: c2 c4        -> nothing to commit.
 *     then c1 is done                                 -> c1 c2 are committed, c4 waits for c3.
 *     the commit of c1 c2 throws  -> c1 to c4 stay open, and the range commits nothing more.
 *
 * A commit that threw may or may not have taken effect. A second commit of its run could count the run twice, and a
 * commit of later chunks would skip the run. Only the state knows, and the next run asks it. Every other call of the
 * state ends the run where it throws. Objects that cache what they stored (`BadRowTracker`, `SuspectCheck`,
 * `ShardValues`) update the cache only after the call. `test/faults/failing-state.test.ts` makes each call of the state
 * and of the register fail once at each place.
 */
export class Watermark<Done> {
  readonly #waiting: { done: Done | null }[] = [];
  #broken = false;

  /** @param commit makes a run of done chunks durable, or throws */
  constructor(private readonly commit: (run: readonly Done[]) => void) {}

  /**
   * Registers the next chunk in key order.
   * @returns a function to call when the chunk is done; @throws what the commit throws
   */
  start(): (done: Done) => void {
    const slot: { done: Done | null } = { done: null };
    this.#waiting.push(slot);
    return (done) => {
      slot.done = done;
      this.#commitRun();
    };
  }

  /** Number of chunks that started and are not committed. */
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
