/**
 * An instant has an age that no clock fault shortens: the larger age by two clocks. One clock can be set back, and the
 * other stops while the machine sleeps.
 */

export interface Instant {
  /** ms since the epoch by the wall clock */
  readonly wall: number;
  /** ms by a clock that nobody sets, from an arbitrary start: only differences within one process mean something. */
  readonly monotonic: number;
}

/** Returns the present instant. */
export function thisInstant(): Instant {
  return { wall: Date.now(), monotonic: performance.now() };
}

/** Returns the age of an instant in ms. */
export function ageOf(instant: Instant, now = thisInstant()): number {
  return Math.max(now.wall - instant.wall, now.monotonic - instant.monotonic);
}
