/**
 * A moment that ages by whichever clock says more: one can be set back, the other stands still while the machine
 * sleeps.
 */

export interface Instant {
  /** ms since the epoch */
  readonly wall: number;
  /** ms of a clock that nobody sets */
  readonly monotonic: number;
}

export function thisInstant(): Instant {
  return { wall: Date.now(), monotonic: performance.now() };
}

/** In ms. */
export function ageOf(moment: Instant, now = thisInstant()): number {
  return Math.max(now.wall - moment.wall, now.monotonic - moment.monotonic);
}
