/** Takes back what the demo has made: each thing on its own, the latest first, whatever happens to the others. */

/** How long one thing may take to go, in ms. */
const PATIENCE_MS = 15_000;

export class Cleanup {
  readonly #undo: (() => Promise<void>)[] = [];

  /** Notes how to take a thing back. Call it before the thing is made: an interruption may come between. */
  add(undo: () => Promise<void>): void {
    this.#undo.push(undo);
  }

  /** @returns what could not be undone. A second call finds nothing left to do. */
  async run(): Promise<readonly unknown[]> {
    const faults: unknown[] = [];
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      try {
        await Promise.race([undo(), tooLong()]);
      } catch (error) {
        faults.push(error);
      }
    }
    return faults;
  }
}

async function tooLong(): Promise<never> {
  return await new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`it took over ${PATIENCE_MS / 1000} s`)), PATIENCE_MS).unref();
  });
}
