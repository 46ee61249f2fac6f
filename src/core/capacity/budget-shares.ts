/**
 * Shares one budget in equal parts. Guarantees that their sum is never more than the whole, however late a holder hears
 * of a change. A part grows only by what is free. What a holder gives up is free some time after it has confirmed that
 * it spends no more. A process that is stopped confirms nothing, and keeps its part; one that is gone has none.
 *
 *   held by one  -- it confirms that it holds less, or is gone -->  rests for REST_MS  -->  free  -->  held by another
 *
 * Why it rests: a holder may spend, just before it gives up its part, what it had saved up for a second
 * (`dynamodb/capacity/token-bucket.ts`); and what it has sent may be on its way still. With that second left out
 * between two holders, ten seconds across the change see no more than their own worth.
 *
 * How far the kind was followed: shards of one run hold parts of what their run has; runs on one machine hold parts of
 * the whole in the same way, by `state/shared/budget-ledger.ts`; a run that follows another at once begins after such a
 * rest too.
 */
/** A second that a bucket saves up, and some for what is under way. */
export const REST_MS = 1_250;
/** Calls `run` once after `ms`; @returns a function that cancels it. */
export type After = (ms: number, run: () => void) => () => void;

/** A millionth of a unit is nothing to share. */
const ROUNDING = 1e-6;

interface Holder {
  /** The most that it may be spending now, in units a second. */
  held: number;
  /** The part that it was given last; below `held` until it has confirmed that. */
  given: number;
  /** How many parts it was given that it has not confirmed yet. It confirms them in their order. */
  unconfirmed: number;
  /** It wants nothing: its part is the others'. */
  suspended: boolean;
  readonly give: (units: number) => void;
}

export class BudgetShares<H> {
  readonly #holders = new Map<H, Holder>();
  #total: number;
  /** Given up, and not free yet. */
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

  /** Units a second that are held, or rest: no other run may have them. */
  get inUse(): number {
    let sum = this.#resting;
    for (const { held } of this.#holders.values()) sum += held;
    return sum;
  }

  setTotal(units: number): void {
    this.#total = units;
    this.#plan();
  }

  /** @param give brings it its part, in units a second, whenever that changes; it starts with nothing */
  join(holder: H, give: (units: number) => void): void {
    this.#holders.set(holder, { held: 0, given: 0, unconfirmed: 0, suspended: false, give });
    this.#plan();
  }

  /**
   * The holder confirms a part: from now on it spends so many units a second at most. It confirms each part that it is
   * given. Only the confirmation of the last one says what it gives up: one that was stopped may confirm an older one.
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

  /** The most that a holder may be spending now, in units a second; 0 where it is none. */
  heldBy(holder: H): number {
    return this.#holders.get(holder)?.held ?? 0;
  }

  /** Gives a holder nothing until `restore`: the others have its part once it has confirmed that. */
  suspend(holder: H): void {
    this.#setSuspended(holder, true);
  }

  /** Gives a suspended holder an equal part again, as fast as the others give up what they have more. */
  restore(holder: H): void {
    this.#setSuspended(holder, false);
  }

  #setSuspended(holder: H, suspended: boolean): void {
    const found = this.#holders.get(holder);
    if (found === undefined || found.suspended === suspended) return;
    found.suspended = suspended;
    this.#plan();
  }

  /** The holder has ended: its part rests, and is free then. Once is enough. */
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

  /** Who joins in one turn is counted before any of them has a part. */
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
    // A holder that has not confirmed a smaller part does not grow: a confirmation would not say of which part.
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
