/**
 * Shares one budget in equal parts. The sum of the parts is never more than the whole, however late a holder learns of
 * a change. A part grows only by free units. The units that a holder gives up become free some time after it has
 * confirmed that it spends no more. A suspended process confirms nothing, and keeps its part. A process that has ended
 * has no part.
 *
 *   held by one  -- it confirms that it holds less, or ended -->  rests for REST_MS  -->  free  -->  held by another
 *
 * There are two reasons for the rest. Just before it gives up its part, a holder may spend the units that it saved up
 * for a second (`dynamodb/capacity/token-bucket.ts`). And its last requests may still be on their way. A rest of that
 * second between two holders limits any ten seconds across the change to ten seconds' worth.
 *
 * The same rule holds wherever a budget is shared. Shards of one run hold parts of the run's part. Runs on one machine
 * hold parts of the whole in the same way, by `state/shared/budget-ledger.ts`. A run that directly follows another also
 * begins after such a rest.
 */
/** The second that a bucket saves up, and a margin for requests on their way. In ms. */
export const REST_MS = 1_250;
/** Calls `run` once after `ms`; @returns a function that cancels it. */
export type After = (ms: number, run: () => void) => () => void;

/** Differences below this many units are rounding errors, too small to share. */
const ROUNDING = 1e-6;

interface Holder {
  /** The most that it may be spending now, in units a second. */
  held: number;
  /** The part that it was last given, in units a second. It is below `held` until the holder has confirmed it. */
  given: number;
  /** Number of given parts that it has not confirmed yet. It confirms them in their order. */
  unconfirmed: number;
  /** It wants nothing, so the others share its part. */
  suspended: boolean;
  readonly give: (units: number) => void;
}

export class BudgetShares<H> {
  readonly #holders = new Map<H, Holder>();
  #total: number;
  /** Units a second that a holder has given up, and that are not free yet. */
  #resting = 0;
  readonly #timers = new Set<() => void>();
  #planned = false;

  /** @param total units a second for all holders together @param onFreed called when less is in use than before */
  constructor(
    total: number,
    private readonly onFreed: () => void = () => undefined,
    private readonly after: After = timer,
  ) {
    this.#total = total;
  }

  /** Units a second that are held or rest: no other run may have them. */
  get inUse(): number {
    let sum = this.#resting;
    for (const { held } of this.#holders.values()) sum += held;
    return sum;
  }

  /** True while a holder wants a part: it has joined, and is not suspended. */
  get wanted(): boolean {
    for (const { suspended } of this.#holders.values()) if (!suspended) return true;
    return false;
  }

  setTotal(units: number): void {
    this.#total = units;
    this.#plan();
  }

  /**
   * Adds a holder, which starts with nothing.
   * @param give receives the holder's part, in units a second, whenever it changes
   */
  join(holder: H, give: (units: number) => void): void {
    this.#holders.set(holder, { held: 0, given: 0, unconfirmed: 0, suspended: false, give });
    this.#plan();
  }

  /**
   * Records that the holder confirms a part: from now on it spends at most this many units a second. It confirms each
   * part that it is given. Only the confirmation of the last one shows how much it gives up, because a suspended holder
   * may confirm an older one late.
   */
  granted(holder: H, units: number): void {
    const found = this.#holders.get(holder);
    if (found === undefined) return;
    found.unconfirmed = Math.max(0, found.unconfirmed - 1);
    if (found.unconfirmed > 0 || units >= found.held) return;
    this.#rest(found.held - units);
    found.held = units;
    this.#plan();
  }

  /** Returns the most that a holder may be spending now, in units a second; 0 for a holder that is unknown. */
  heldBy(holder: H): number {
    return this.#holders.get(holder)?.held ?? 0;
  }

  /** Gives a holder nothing until `restore`. The others get its part once it has confirmed that. */
  suspend(holder: H): void {
    this.#setSuspended(holder, true);
  }

  /** Gives a suspended holder an equal part again, as fast as the others give up their surplus. */
  restore(holder: H): void {
    this.#setSuspended(holder, false);
  }

  #setSuspended(holder: H, suspended: boolean): void {
    const found = this.#holders.get(holder);
    if (found === undefined || found.suspended === suspended) return;
    found.suspended = suspended;
    this.#plan();
  }

  /** Removes a holder that has ended: its part rests, and then becomes free. A second call does nothing. */
  leave(holder: H): void {
    const found = this.#holders.get(holder);
    if (found === undefined) return;
    this.#holders.delete(holder);
    this.#rest(found.held);
    this.#plan();
  }

  end(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  /**
   * Plans one sharing at the end of the turn, so that all holders who join in one turn are counted before any gets a
   * part.
   */
  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    this.#after(0, () => {
      this.#planned = false;
      this.#share();
    });
  }

  #share(): void {
    const holders = [...this.#holders.values()];
    const active = holders.filter(({ suspended }) => !suspended);
    const part = this.#total / Math.max(1, active.length);
    for (const holder of holders) {
      const wanted = holder.suspended ? 0 : part;
      if (holder.given > wanted + ROUNDING) give(holder, wanted);
    }
    // A holder that has not confirmed a smaller part does not grow: its confirmation would not show which part it
    // means.
    const lacking = active
      .filter(({ held, given }) => given === held && held < part - ROUNDING)
      .sort((a, b) => b.held - a.held);
    let free = this.#total - this.inUse;
    for (const [index, holder] of lacking.entries()) {
      const more = Math.min(part - holder.held, free / (lacking.length - index));
      if (more <= ROUNDING) continue;
      free -= more;
      holder.held += more;
      give(holder, holder.held);
    }
  }

  #rest(units: number): void {
    if (units <= 0) return;
    this.#resting += units;
    this.#after(REST_MS, () => {
      this.#resting = Math.max(0, this.#resting - units);
      this.#share();
      this.onFreed();
    });
  }

  #after(ms: number, run: () => void): void {
    const cancel = this.after(ms, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
  }
}

function give(holder: Holder, units: number): void {
  holder.given = units;
  holder.unconfirmed += 1;
  holder.give(units);
}

function timer(ms: number, run: () => void): () => void {
  const set = setTimeout(run, ms);
  return () => clearTimeout(set);
}
