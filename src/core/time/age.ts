/**
 * A moment that ages by whichever clock says more: one can be set back, the other stands still while the machine
 * sleeps.
 */

export interface Moment {
  /** ms since the epoch */
  readonly wall: number;
  /** ms of a clock that nobody sets */
  readonly steady: number;
}

export function thisMoment(): Moment {
  return { wall: Date.now(), steady: performance.now() };
}

/** In ms. */
export function ageOf(moment: Moment, now = thisMoment()): number {
  return Math.max(now.wall - moment.wall, now.steady - moment.steady);
}
