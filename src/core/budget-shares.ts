/**
 * One budget in parts, of which no two holders ever have the same: equal parts, changed without a moment in which their
 * sum is more than the whole, however late a holder hears of a change. A part grows only by what is free, and what a
 * holder gives up is free only once it has said that it spends no more, and some time after that. A holder that is
 * stopped says nothing, and keeps what it has; one that is gone has nothing to say.
 *
 *   held by one  -- it says that it holds less, or it is gone -->  rests for REST_MS  -->  free  -->  held by another
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
  /** What it was told last; below `held` until it has answered. */
  told: number;
  /** So often it was told something that it has not answered yet. Answers come in the order of what they answer. */
  unanswered: number;
  readonly tell: (units: number) => void;
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

  /** Units a second that are held, or rest: nobody else may have them. */
  get inUse(): number {
    let sum = this.#resting;
    for (const { held } of this.#holders.values()) sum += held;
    return sum;
  }

  setTotal(units: number): void {
    this.#total = units;
    this.#plan();
  }

  /** @param tell brings it its part, whenever that changes; it begins with nothing */
  join(holder: H, tell: (units: number) => void): void {
    this.#holders.set(holder, { held: 0, told: 0, unanswered: 0, tell });
    this.#plan();
  }

  /**
   * It has answered, as it does whatever it is told: from now on it spends so much at most. Where it was told something
   * else since, as one that was stopped is, it may spend more soon: only the answer to what it was told last says what
   * it gives up.
   */
  granted(holder: H, units: number): void {
    const found = this.#holders.get(holder);
    if (found === undefined) return;
    found.unanswered = Math.max(0, found.unanswered - 1);
    if (found.unanswered > 0 || units >= found.held) return;
    this.#rest(found.held - units);
    found.held = units;
    this.#plan();
  }

  /** It is done, or gone. Once is enough. */
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
    const part = this.#total / Math.max(1, this.#holders.size);
    for (const holder of this.#holders.values()) if (holder.told > part + ROUNDING) tell(holder, part);
    // What was told to become less, and has not answered, may not grow meanwhile: an answer would not say to what.
    const lacking = [...this.#holders.values()]
      .filter(({ held, told }) => told === held && held < part - ROUNDING)
      .sort((a, b) => b.held - a.held);
    let free = this.#total - this.inUse;
    for (const [index, holder] of lacking.entries()) {
      const more = Math.min(part - holder.held, free / (lacking.length - index));
      if (more <= ROUNDING) continue;
      free -= more;
      holder.held += more;
      tell(holder, holder.held);
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

function tell(holder: Holder, units: number): void {
  holder.told = units;
  holder.unanswered += 1;
  holder.tell(units);
}

function timer(ms: number, run: () => void): () => void {
  const set = setTimeout(run, ms);
  return () => clearTimeout(set);
}
