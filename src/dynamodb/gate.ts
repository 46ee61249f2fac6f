/** Waiting for something that happens now and then; whoever was woken looks again for himself. */

export class Gate {
  #waiting: (() => void)[] = [];

  get waiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves at the next `wake`, or when the signal aborts. */
  async wait(signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      signal?.addEventListener('abort', wake);
      this.#waiting.push(wake);
    });
  }

  /** The one that waits longest. */
  wakeOne(): void {
    this.#waiting.shift()?.();
  }

  wake(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
