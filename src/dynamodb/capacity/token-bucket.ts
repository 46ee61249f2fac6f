/**
 * The token bucket: fills evenly at `limit` units a second, holds at most one second's worth, serves in the order of
 * asking. A debit may exceed what is left; the debt is paid off before the next one, so the average holds exactly.
 * What was saved up is spent only as far as the last ten seconds have room for it (`sliding-window.ts`): over any ten
 * seconds no more is served, and no more reaches the target, than ten seconds' worth and one debit; whatever was
 * stopped or late meanwhile.
 *
 *   level >= 0 and room in the window: open, the next `tryTake` or `take` debits at once
 *   else: `take` waits in line
 */
import { interrupted } from '../../core/errors.js';
import type { Budget } from '../../core/ports/ports.js';
import type { Clock } from './clock.js';
import { systemClock } from './clock.js';
import { SlidingWindow } from './sliding-window.js';

interface Waiter {
  readonly units: number;
  readonly serve: () => void;
}

/** Sums of fractions do not meet zero exactly; a millionth of a unit is no debt. */
const ROUNDING = 1e-6;
/** A debit of so many seconds' worth is 0.4% of ten seconds. */
const SMALL_DEBIT_SECONDS = 0.04;
/** Between two looks whether it may spend again. */
const NOT_ENTITLED_MS = 1_000;

export class TokenBucket implements Budget {
  readonly #clock: Clock;
  #limit: number;
  #share = 1;
  /** Starts empty, and fills from the first use on, so that a start is no burst. */
  #level = 0;
  #used = false;
  #filledAt: number;
  readonly #window: SlidingWindow;
  #waiters: Waiter[] = [];
  #waits = 0;
  #consumed = 0;
  #cancelTimer: (() => void) | null = null;
  readonly #entitled: () => boolean;

  /**
   * @param unitsPerSecond capacity units per second; 0 stops everything until `setLimit` raises it
   * @param entitled whether this process may spend at all, asked before each debit: one whose parent is gone may not
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
   * A debit up to this size does not show in ten seconds' consumption; larger ones are for those who cannot ask for
   * less.
   */
  get smallDebit(): number {
    return this.rate * SMALL_DEBIT_SECONDS;
  }

  /** How often something had to wait for this bucket: while it grows, the bucket is what binds. */
  get waits(): number {
    return this.#waits;
  }

  /** Somebody waits for this bucket, and it is given nothing: no wait of its own making ends that. */
  get starves(): boolean {
    return this.#waiters.length > 0 && this.rate === 0;
  }

  /** Units that the service has consumed for this process: what was throttled is debited, and not consumed. */
  get consumed(): number {
    return this.#consumed;
  }

  /** The service has answered: so much it consumed. Debits nothing. */
  noteConsumed(units: number): void {
    this.#consumed += units;
  }

  /**
   * ms until what was debited is paid off, at the present rate, and the next one is served; 0: nothing is owed;
   * Infinity: never.
   */
  get owedMs(): number {
    if (this.rate === 0) return Infinity;
    this.#fill();
    const debt = -Math.min(this.#level, this.#window.balance);
    return debt > ROUNDING ? (debt / this.rate) * 1_000 : 0;
  }

  /** True while a `tryTake` would be served. */
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

  /** Uses only a part of the limit, 0 < share <= 1: what throttle feedback turns. Independent of `setLimit`. */
  setShare(share: number): void {
    this.#fill();
    this.#share = Math.min(1, Math.max(0, share));
    this.#afterRateChange();
  }

  /** Debits without waiting where that is allowed now: the hot path. @returns whether it was */
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
   * What was debited just now belongs to a request that is sent in this turn: `ended` has to follow, whatever becomes
   * of it.
   */
  sent(units: number): void {
    this.#window.sent(units);
  }

  /** The request was heard out, or given up. What it really took is for `settle`. @param units as given to `sent` */
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

  /** One timer, for the moment when the debt will be paid, or when the window has moved on. */
  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#waiters.length === 0 || this.rate === 0) return;
    const debt = -Math.min(this.#level, this.#window.balance);
    // Where it may not spend, no payment of a debt changes that: it looks again, and not a thousand times a second.
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
