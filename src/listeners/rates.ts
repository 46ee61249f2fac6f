/** Rates over a sliding window and the time that is left at them. Memory is the window's slots, never the events. */

/** Milliseconds on a clock that only goes forward. */
export type Clock = () => number;

export const monotonic: Clock = () => performance.now();

const SLOTS = 20;

/** Amounts per second over the last `windowMs`; over the time since the first amount where that is shorter. */
export class RateWindow {
  readonly #slotMs: number;
  /** Sum of amounts by slot number (`time / slotMs`), oldest first. */
  readonly #slots = new Map<number, number>();
  #begin: number | null = null;

  constructor(
    readonly windowMs = 10_000,
    readonly clock: Clock = monotonic,
  ) {
    this.#slotMs = windowMs / SLOTS;
  }

  add(amount: number): void {
    const now = this.clock();
    this.#begin ??= now;
    const slot = Math.floor(now / this.#slotMs);
    this.#slots.set(slot, (this.#slots.get(slot) ?? 0) + amount);
    this.#forget(now);
  }

  /** 0 before the first amount, and once nothing came for a whole window. */
  perSecond(): number {
    if (this.#begin === null) return 0;
    const now = this.clock();
    this.#forget(now);
    let sum = 0;
    for (const amount of this.#slots.values()) sum += amount;
    // Less than a second of history would turn the first chunk into an absurd rate.
    const elapsedMs = Math.min(this.windowMs, Math.max(1000, now - this.#begin));
    return (sum * 1000) / elapsedMs;
  }

  #forget(now: number): void {
    const oldest = Math.floor((now - this.windowMs) / this.#slotMs);
    for (const slot of this.#slots.keys()) {
      if (slot > oldest) return;
      this.#slots.delete(slot);
    }
  }
}

/** Seconds until `remaining` is done at that rate; null while nothing moves. */
export function etaSeconds(remaining: number, perSecond: number): number | null {
  if (remaining <= 0) return 0;
  return perSecond > 0 ? remaining / perSecond : null;
}
