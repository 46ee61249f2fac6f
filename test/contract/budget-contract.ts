/** Contract that every Budget keeps. The test turns the clock itself. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Budget } from '../../src/core/ports/target-ports.js';

/** Hands of a clock that only the test turns. */
export interface TestClock {
  now(): number;
  after(ms: number, run: () => void): () => void;
}

export class TurnedClock implements TestClock {
  #now = 0;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets `ms` pass. Every timer fires at its time, and its waiter continues before the next timer. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const due = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
    }
    this.#now = end;
  }
}

export function budgetContract(name: string, newBudget: (unitsPerSecond: number, clock: TestClock) => Budget): void {
  const never = new AbortController().signal;

  /** Takes, and notes at which ms each was served. */
  function takeAll(budget: Budget, clock: TestClock, sizes: readonly number[], served: number[]): Promise<void>[] {
    return sizes.map(async (units) => {
      await budget.take(units, never);
      served.push(clock.now());
    });
  }

  describe(`Budget contract: ${name}`, () => {
    test('a budget pays off a debt before it serves the next taker, in the order of asking', async () => {
      const clock = new TurnedClock();
      const budget = newBudget(100, clock);
      const served: number[] = [];
      const takes = takeAll(budget, clock, [50, 10, 100, 1], served);
      await clock.pass(10_000);
      await Promise.all(takes);
      expect(served).toEqual([0, 500, 600, 1600]);
    });

    test('a budget saves nothing before its first use, so a start is no burst', async () => {
      const clock = new TurnedClock();
      const budget = newBudget(100, clock);
      await clock.pass(60_000);
      const served: number[] = [];
      const takes = takeAll(budget, clock, [50, 50], served);
      await clock.pass(5_000);
      await Promise.all(takes);
      expect(served.map((at) => at - 60_000)).toEqual([0, 500]);
    });

    test('a budget keeps unused units for one second, not longer', async () => {
      const clock = new TurnedClock();
      const budget = newBudget(100, clock);
      await budget.take(0, never);
      await clock.pass(60_000);
      const served: number[] = [];
      const takes = takeAll(budget, clock, [50, 50, 50, 1], served);
      await clock.pass(5_000);
      await Promise.all(takes);
      expect(served.map((at) => at - 60_000)).toEqual([0, 0, 0, 500]);
    });

    test('a budget serves at most 1,004 units in any ten seconds at 100 units a second, whatever it saved up', async () => {
      const clock = new TurnedClock();
      const budget = newBudget(100, clock);
      await budget.take(0, never);
      await clock.pass(60_000);
      const served: number[] = [];
      const takes = takeAll(
        budget,
        clock,
        Array.from({ length: 2000 }, () => 1),
        served,
      );
      await clock.pass(25_000);
      await Promise.all(takes);
      expect(served[99]).toBe(60_000);
      for (const [first, at] of served.entries()) {
        const last = served.findLastIndex((other) => other < at + 10_000);
        expect(last - first + 1).toBeLessThanOrEqual(1004);
      }
    });

    test('a settlement of a budget lengthens or shortens the wait of the next taker', async () => {
      const clock = new TurnedClock();
      const budget = newBudget(100, clock);
      const served: number[] = [];
      await budget.take(100, never);
      budget.settle(50);
      const first = takeAll(budget, clock, [100], served);
      await clock.pass(1500);
      await Promise.all(first);
      budget.settle(-50);
      const second = takeAll(budget, clock, [1], served);
      await clock.pass(1000);
      await Promise.all(second);
      expect(served).toEqual([1500, 2000]);
    });

    test('a new limit of a budget holds at once, also for takers that wait already, and a limit of 0 stops all', async () => {
      const clock = new TurnedClock();
      const budget = newBudget(10, clock);
      const served: number[] = [];
      const takes = takeAll(budget, clock, [100, 1], served);
      await clock.pass(1000);
      budget.setLimit(90);
      expect(budget.limit).toBe(90);
      await clock.pass(2000);
      expect(served).toEqual([0, 2000]);
      budget.setLimit(0);
      const stopped = takeAll(budget, clock, [1, 1], served);
      await clock.pass(60_000);
      expect(served.length).toBe(2);
      budget.setLimit(1);
      await clock.pass(5000);
      await Promise.all([...takes, ...stopped]);
      expect(served.length).toBe(4);
    });

    test('an aborted signal ends the wait for a budget of its own taker alone', async () => {
      const clock = new TurnedClock();
      const budget = newBudget(10, clock);
      await budget.take(100, never);
      const stop = new AbortController();
      const aborted = budget.take(1000, stop.signal);
      const served: number[] = [];
      const takes = takeAll(budget, clock, [1], served);
      stop.abort();
      await expect(aborted).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
      await clock.pass(10_000);
      await Promise.all(takes);
      expect(served).toEqual([10_000]);
      await expect(budget.take(1, AbortSignal.abort())).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    });

    test('a budget serves in any span at most its limit, one saved second and the last request', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 5000 }),
          fc.array(fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 1, max: 2000 })), { maxLength: 30 }),
          async (limit, asked) => {
            const clock = new TurnedClock();
            const budget = newBudget(limit, clock);
            const served: { readonly at: number; readonly units: number }[] = [];
            const takes: Promise<void>[] = [];
            for (const [pauseMs, units] of asked) {
              takes.push(budget.take(units, never).then(() => void served.push({ at: clock.now(), units })));
              await clock.pass(pauseMs);
            }
            await clock.pass(100_000_000);
            await Promise.all(takes);
            expect(served.map(({ units }) => units)).toEqual(asked.map(([, units]) => units));
            for (const [i, from] of served.entries()) {
              let sum = 0;
              for (const to of served.slice(i)) {
                // What was served before the last one has been paid for, or was saved up.
                expect(sum).toBeLessThanOrEqual(((to.at - from.at) / 1000 + 1) * limit + 1e-6);
                // Nor does what was saved up show in ten seconds; 25 ms is how finely they are looked at.
                if (to.at - from.at <= 10_000) expect(sum).toBeLessThanOrEqual(10.025 * limit + 1e-6);
                sum += to.units;
              }
            }
          },
        ),
        { numRuns: 50 },
      );
    });
  });
}
