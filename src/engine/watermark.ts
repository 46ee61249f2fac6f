/**
 * The watermark of one range. Chunks are started in key order and may finish in any order; what is handed on for commit is
 * always the unbroken run of done chunks from the watermark up.
 *
 *   started:  c1 c2 c3 c4          done: c2 c4        -> nothing to commit
 *   then c1 is done                                   -> c1 c2 are committed, c4 waits for c3
 */
export class Watermark<Done> {
  readonly #waiting: { done: Done | null }[] = [];

  /** Registers the next chunk in key order. @returns call it when the chunk is done: gives what may be committed now. */
  start(): (done: Done) => readonly Done[] {
    const slot: { done: Done | null } = { done: null };
    this.#waiting.push(slot);
    return (done) => {
      slot.done = done;
      return this.#takeRun();
    };
  }

  /** Chunks started and not yet handed on. */
  get open(): number {
    return this.#waiting.length;
  }

  #takeRun(): readonly Done[] {
    const run: Done[] = [];
    for (let next = this.#waiting[0]; next !== undefined && next.done !== null; next = this.#waiting[0]) {
      run.push(next.done);
      this.#waiting.shift();
    }
    return run;
  }
}
