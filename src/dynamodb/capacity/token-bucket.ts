/**
 * TokenBucket lets through `limit` capacity units a second. It fills evenly, holds at most one second's worth, and
 * serves waiters in the order of their calls.
 *
 * A debit may exceed the level. The bucket pays off the debt before the next debit, so the average holds exactly. It
 * spends a saved-up level only as far as the last ten seconds have room for it (`sliding-window.ts`). So over any ten
 * seconds, at most ten seconds' worth and one debit reach the target, even after a pause.
 *
 * - level >= 0 and room in the window: the bucket is open, and the next `tryTake` or `take` debits at once.
 * - Otherwise `take` waits in line.
 */
import { interrupted } from '../../core/errors.js';
import type { Budget } from '../../core/ports/target-ports.js';
import type { Clock } from './clock.js';
import { systemClock } from './clock.js';
import { SlidingWindow } from './sliding-window.js';

interface Waiter {
  readonly units: number;
  readonly serve: () => void;
}

/** A debt below this many units is a rounding error of sums of fractions. */
const ROUNDING = 1e-6;
/** A debit of this many seconds of the rate is 0.4% of ten seconds. */
const SMALL_DEBIT_SECONDS = 0.04;
/** How long a process that may not spend waits before it looks again. */
const NOT_ENTITLED_MS = 1_000;

export class TokenBucket implements Budget {
  readonly #clock: Clock;
  #limit: number;
  #share = 1;
  /** Units. The bucket starts empty and fills from its first use on, so that a start does not send a burst. */
  #level = 0;
  #used = false;
  /** Monotonic ms. */
  #filledAt: number;
  readonly #window: SlidingWindow;
  #waiters: Waiter[] = [];
  #waits = 0;
  #consumed = 0;
  #cancelTimer: (() => void) | null = null;
  readonly #entitled: () => boolean;

  /**
   * @param unitsPerSecond capacity units per second; 0 stops everything until `setLimit` raises it
   * @param entitled returns whether this process may spend at all; the bucket asks it before each debit. A process
   *   whose parent is gone may not spend
   */
  constructor(unitsPerSecond: number, clock: Clock = systemClock, entitled: () => boolean = () => true) {
    this.#clock = clock;
    this.#entitled = entitled;
    this.#limit = valid(unitsPerSecond);
    this.#filledAt = clock.now();
    this.#window = new SlidingWindow(this.#filledAt);
  }

  get limit(): number {
    return this.#limit;
  }

  /** Units per second after the throttle feedback's cut: `limit` x share. */
  get rate(): number {
    return this.#limit * this.#share;
  }

  /**
   * The largest debit, in units, that does not show in the consumption of ten seconds. A caller that can split its
   * debits keeps to it.
   */
  get smallDebit(): number {
    return this.rate * SMALL_DEBIT_SECONDS;
  }

  /** How often a caller had to wait for this bucket. While it grows, the bucket is what limits the rate. */
  get waits(): number {
    return this.#waits;
  }

  /** True while a caller waits for a bucket whose rate is 0: waiting alone does not end that. */
  get starves(): boolean {
    return this.#waiters.length > 0 && this.rate === 0;
  }

  /** Units that the service reported as consumed. Throttled requests are debited, but not consumed. */
  get consumed(): number {
    return this.#consumed;
  }

  /** Adds the consumption that the service reported. It debits nothing. */
  noteConsumed(units: number): void {
    this.#consumed += units;
  }

  /** Milliseconds until the debt is paid at the present rate; 0: the bucket has no debt; Infinity: the rate is 0. */
  get owedMs(): number {
    if (this.rate === 0) return Infinity;
    this.#fill();
    const debt = -Math.min(this.#level, this.#window.balance);
    return debt > ROUNDING ? (debt / this.rate) * 1_000 : 0;
  }

  /** True while `tryTake` would debit. */
  get open(): boolean {
    this.#begin();
    this.#fill();
    return this.#waiters.length === 0 && this.#canServe();
  }

  setLimit(unitsPerSecond: number): void {
    this.#fill();
    this.#limit = valid(unitsPerSecond);
    this.#afterRateChange();
  }

  /**
   * Uses only this share of the limit, above 0 and at most 1. The throttle feedback calls it. `setLimit` does not
   * change it.
   */
  setShare(share: number): void {
    this.#fill();
    this.#share = Math.min(1, Math.max(0, share));
    this.#afterRateChange();
  }

  /** Debits without waiting if that is allowed now: the hot path. @returns whether it debited */
  tryTake(units: number): boolean {
    if (!this.open) return false;
    this.#debit(units);
    return true;
  }

  async take(units: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw interrupted();
    if (this.tryTake(units)) return;
    this.#waits++;
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        this.#fill();
        this.#arm();
        reject(interrupted());
      };
      const waiter: Waiter = {
        units,
        serve: () => {
          signal.removeEventListener('abort', abort);
          resolve();
        },
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiters.push(waiter);
      this.#arm();
    });
  }

  settle(difference: number): void {
    this.#fill();
    this.#debit(difference);
    this.#level = Math.min(this.rate, this.#level);
    if (this.#waiters.length > 0) this.#serveWaiters();
  }

  /**
   * Counts the last debit for a request that is sent in this turn. `ended` has to follow, whatever happens to the
   * request.
   */
  sent(units: number): void {
    this.#window.sent(units);
  }

  /** Notes that the request has ended. `settle` corrects what it really took. @param units as given to `sent` */
  ended(units: number): void {
    this.#fill();
    this.#window.ended(units);
  }

  #canServe(): boolean {
    return this.#level >= -ROUNDING && this.#window.balance >= -ROUNDING && this.rate > 0 && this.#entitled();
  }

  #debit(units: number): void {
    this.#level -= units;
    this.#window.spend(units);
  }

  #begin(): void {
    if (this.#used) return;
    this.#used = true;
    this.#filledAt = this.#clock.now();
  }

  #fill(): void {
    if (!this.#used) return;
    const now = this.#clock.now();
    const filled = ((now - this.#filledAt) / 1000) * this.rate;
    this.#level = Math.min(this.rate, this.#level + filled);
    this.#window.grant(filled, this.#filledAt, now);
    this.#filledAt = now;
  }

  #afterRateChange(): void {
    this.#level = Math.min(this.rate, this.#level);
    this.#serveWaiters();
  }

  #serveWaiters(): void {
    while (this.#canServe()) {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) break;
      this.#debit(waiter.units);
      waiter.serve();
    }
    this.#arm();
  }

  /** Sets one timer: for the time when the debt is paid, or when the window has moved on. */
  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#waiters.length === 0 || this.rate === 0) return;
    const debt = -Math.min(this.#level, this.#window.balance);
    // A process that may not spend looks again after a second: paying off a debt does not change that.
    const ms = this.#entitled() ? Math.max(1, Math.ceil((debt / this.rate) * 1000)) : NOT_ENTITLED_MS;
    this.#cancelTimer = this.#clock.after(ms, () => {
      this.#cancelTimer = null;
      this.#fill();
      this.#serveWaiters();
    });
  }
}

function valid(unitsPerSecond: number): number {
  if (!Number.isFinite(unitsPerSecond) || unitsPerSecond < 0) {
    throw new RangeError('a budget is a finite number of units per second, 0 or more');
  }
  return unitsPerSecond;
}
