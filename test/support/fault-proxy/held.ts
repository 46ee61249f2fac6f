/** Requests that their sender has given up, and that are executed later. */

export class HeldRequests {
  readonly #held = new Map<() => Promise<void>, NodeJS.Timeout | null>();

  get count(): number {
    return this.#held.size;
  }

  /** @param ms when it is executed by itself; undefined: at `release` alone */
  hold(execute: () => Promise<void>, ms: number | undefined): void {
    const timer = ms === undefined ? null : setTimeout(() => void this.#execute(execute), ms);
    this.#held.set(execute, timer);
  }

  /** Executes them in the order they came in. @returns how many there were */
  async release(): Promise<number> {
    const held = [...this.#held.keys()];
    for (const execute of held) await this.#execute(execute);
    return held.length;
  }

  /** Never executed. */
  drop(): void {
    for (const timer of this.#held.values()) if (timer !== null) clearTimeout(timer);
    this.#held.clear();
  }

  async #execute(execute: () => Promise<void>): Promise<void> {
    const timer = this.#held.get(execute);
    if (timer !== undefined && timer !== null) clearTimeout(timer);
    if (this.#held.delete(execute)) await execute();
  }
}
