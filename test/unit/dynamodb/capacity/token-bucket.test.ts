/**
 * What the bucket does beyond its contract: the share that feedback turns, what it counts, and the window of ten
 * seconds behind it.
 */
import { describe, expect, test } from 'vitest';
import { TokenBucket } from '../../../../src/dynamodb/capacity/token-bucket.js';
import { SlidingWindow } from '../../../../src/dynamodb/capacity/sliding-window.js';
import { TurnedClock } from '../../../contract/budget-contract.js';

const never = new AbortController().signal;

describe('TokenBucket', () => {
  test('TokenBucket fills at a share of its limit, held to between nothing and all', async () => {
    const clock = new TurnedClock();
    const bucket = new TokenBucket(100, clock);
    bucket.setShare(0.25);
    expect([bucket.limit, bucket.rate, bucket.smallDebit]).toEqual([100, 25, 1]);
    let served = -1;
    await bucket.take(50, never);
    const waiting = bucket.take(0, never).then(() => {
      served = clock.now();
    });
    await clock.pass(1999);
    expect(served).toBe(-1);
    await clock.pass(1);
    await waiting;
    expect(served).toBe(2000);
    bucket.setShare(7);
    expect(bucket.rate).toBe(100);
    bucket.setShare(-1);
    expect(bucket.rate).toBe(0);
    expect(bucket.open).toBe(false);
    bucket.setLimit(40);
    expect(bucket.rate).toBe(0);
    bucket.setShare(0.5);
    expect(bucket.rate).toBe(20);
  });

  test('TokenBucket starves while somebody waits and it is given nothing, and only then', async () => {
    const clock = new TurnedClock();
    const bucket = new TokenBucket(0, clock);
    expect(bucket.starves).toBe(false);
    const waiting = bucket.take(1, never);
    expect(bucket.starves).toBe(true);
    bucket.setLimit(100);
    await clock.pass(1_000);
    await waiting;
    // What is owed for it is waited for, and comes.
    await bucket.take(300, never);
    const behind = bucket.take(1, never);
    expect(bucket.starves).toBe(false);
    bucket.setShare(0);
    expect(bucket.starves).toBe(true);
    bucket.setShare(1);
    expect(bucket.starves).toBe(false);
    await clock.pass(10_000);
    await behind;
    bucket.setLimit(0);
    expect(bucket.starves).toBe(false);
  });

  test('TokenBucket owes time that runs out, and never owes less than nothing', async () => {
    const clock = new TurnedClock();
    const bucket = new TokenBucket(100, clock);
    await bucket.take(50, never);
    expect(bucket.owedMs).toBe(500);
    await clock.pass(400);
    expect(bucket.owedMs).toBeCloseTo(100);
    for (const ms of [100, 5_000]) {
      await clock.pass(ms);
      expect(bucket.owedMs).toBe(0);
    }
    bucket.setLimit(0);
    expect(bucket.owedMs).toBe(Infinity);
  });

  test('TokenBucket with a larger share serves waiters sooner, and with a smaller one drops savings beyond a second', async () => {
    const clock = new TurnedClock();
    const bucket = new TokenBucket(100, clock);
    await bucket.take(0, never);
    await clock.pass(5000);
    bucket.setShare(0.1);
    // Ten saved: one debit of eleven leaves a debt.
    expect([bucket.tryTake(11), bucket.tryTake(1)]).toEqual([true, false]);
    let served = -1;
    const waiting = bucket
      .take(90, never)
      .then(() => bucket.take(1, never))
      .then(() => {
        served = clock.now();
      });
    await clock.pass(1000);
    bucket.setShare(1);
    await clock.pass(2000);
    await waiting;
    // 100 ms for the first, with 9 paid meanwhile: 81 of debt, at 100 a second.
    expect(served).toBe(6810);
  });

  test('TokenBucket is open while it would serve a debit, and for nobody while others wait', async () => {
    const clock = new TurnedClock();
    const bucket = new TokenBucket(10, clock);
    expect([bucket.open, bucket.tryTake(10), bucket.open, bucket.tryTake(1)]).toEqual([true, true, false, false]);
    const waiting = bucket.take(5, never);
    expect(bucket.waits).toBe(1);
    await clock.pass(1000);
    await waiting;
    expect(bucket.open).toBe(false);
    await clock.pass(500);
    expect(bucket.open).toBe(true);
    expect([bucket.tryTake(1), bucket.waits]).toEqual([true, 1]);
  });

  test('TokenBucket lets nobody overtake those who wait, though the debt is paid', async () => {
    const clock = new TurnedClock();
    const bucket = new TokenBucket(10, clock);
    bucket.tryTake(10);
    const order: string[] = [];
    const waiting = ['a', 'b'].map((name) => bucket.take(10, never).then(() => order.push(name)));
    bucket.settle(-10);
    expect(bucket.tryTake(1)).toBe(false);
    await clock.pass(2000);
    await Promise.all(waiting);
    expect(order).toEqual(['a', 'b']);
  });

  test('TokenBucket serves waiters at once with what comes back, and saves up no more than a second’s worth', async () => {
    const clock = new TurnedClock();
    const bucket = new TokenBucket(10, clock);
    bucket.tryTake(100);
    let served = -1;
    const waiting = bucket.take(1, never).then(() => {
      served = clock.now();
    });
    await clock.pass(100);
    bucket.settle(-99);
    await waiting;
    expect(served).toBe(100);
    bucket.settle(-1000);
    expect([bucket.tryTake(11), bucket.tryTake(1)]).toEqual([true, false]);
  });

  test('TokenBucket counts what was consumed, which is not what is debited', () => {
    const bucket = new TokenBucket(10, new TurnedClock());
    bucket.tryTake(3);
    bucket.noteConsumed(2);
    bucket.noteConsumed(0.5);
    expect(bucket.consumed).toBe(2.5);
    expect(bucket.tryTake(1)).toBe(false);
  });

  test.each([-1, NaN, Infinity])('TokenBucket refuses a budget of %d units a second', (units) => {
    expect(() => new TokenBucket(units)).toThrow(RangeError);
    expect(() => new TokenBucket(1).setLimit(units)).toThrow(RangeError);
  });

  test('TokenBucket counts a request while it is under way, and for ten seconds from its end, as it may arrive then', async () => {
    const clock = new TurnedClock();
    const bucket = new TokenBucket(100, clock);
    expect(bucket.tryTake(100)).toBe(true);
    bucket.sent(100);
    const served: number[] = [];
    const serve = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 10) {
        await clock.pass(10);
        while (bucket.tryTake(1)) served.push(clock.now());
      }
    };
    await serve(25_000);
    bucket.ended(100);
    await serve(15_000);
    const within = (from: number): number => served.filter((at) => at >= from && at < from + 10_000).length;
    // It may have come at any of these moments.
    for (let at = 5_000; at <= 25_000; at += 1_000) {
      for (const from of [at - 10_000, at - 5_000, at])
        expect(within(from) + 100, `${at}, ${from}`).toBeLessThanOrEqual(1_004);
    }
    expect(served.filter((at) => at >= 36_000).length).toBeGreaterThan(380);
  });

  test('TokenBucket asks fewer than five times a second whether it is entitled to spend', async () => {
    const clock = new TurnedClock();
    const entitled = { asked: 0 };
    const bucket = new TokenBucket(100, clock, () => ((entitled.asked += 1), false));
    const waits = new AbortController();
    const taken = bucket.take(1, waits.signal).catch(() => 'not taken');
    await clock.pass(10_000);
    expect(entitled.asked).toBeLessThan(50);
    waits.abort();
    expect(await taken).toBe('not taken');
  });

  test('TokenBucket spends nothing while it is not entitled', async () => {
    const clock = new TurnedClock();
    const parent = { there: true };
    const bucket = new TokenBucket(100, clock, () => parent.there);
    expect(bucket.tryTake(1)).toBe(true);
    parent.there = false;
    await clock.pass(10_000);
    expect([bucket.open, bucket.tryTake(1)]).toEqual([false, false]);
  });

  test('TokenBucket lets the next waiter go as soon as it may once the first one is aborted', async () => {
    const clock = new TurnedClock();
    const bucket = new TokenBucket(10, clock);
    bucket.tryTake(10);
    const stop = new AbortController();
    const first = expect(bucket.take(10, stop.signal)).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    let served = -1;
    const second = bucket.take(1, never).then(() => {
      served = clock.now();
    });
    await clock.pass(500);
    stop.abort();
    await first;
    await clock.pass(500);
    await second;
    expect(served).toBe(1000);
  });
});

test('TokenBucket has a timer, and one alone, while somebody waits for it and it fills', async () => {
  const clock = new TurnedClock();
  let set = 0;
  let running = 0;
  const counting = {
    now: () => clock.now(),
    after: (ms: number, run: () => void) => {
      set++;
      running++;
      const cancel = clock.after(ms, () => {
        running--;
        run();
      });
      return () => {
        running--;
        cancel();
      };
    },
  };
  const bucket = new TokenBucket(10, counting);
  bucket.tryTake(10);
  bucket.settle(5);
  bucket.setShare(0.5);
  bucket.setShare(1);
  expect(set).toBe(0);
  const stop = new AbortController();
  const waiting = [bucket.take(1, stop.signal), bucket.take(1, stop.signal)].map((take) =>
    expect(take).rejects.toMatchObject({ code: 'E_INTERRUPTED' }),
  );
  expect(running).toBe(1);
  bucket.setLimit(0);
  expect(running).toBe(0);
  bucket.setLimit(1);
  expect(running).toBe(1);
  stop.abort();
  await Promise.all(waiting);
  expect(running).toBe(0);
});

describe('SlidingWindow', () => {
  test('SlidingWindow keeps what was granted and not spent for ten seconds', () => {
    const window = new SlidingWindow(0);
    window.grant(100, 0, 25);
    window.spend(40);
    expect(window.balance).toBe(60);
    window.grant(0, 25, 10_000);
    expect(window.balance).toBe(60);
    window.grant(0, 10_000, 10_025);
    expect(window.balance).toBe(60);
    window.grant(0, 10_025, 10_051);
    expect(window.balance).toBe(0);
  });

  test('SlidingWindow spreads a grant evenly over its time, and drops it in the same way', () => {
    const window = new SlidingWindow(0);
    window.grant(1000, 0, 10_000);
    expect(window.balance).toBeCloseTo(1000);
    window.grant(0, 10_000, 15_025);
    expect(window.balance).toBeCloseTo(500);
    // Ten seconds whole, and the slot that is being filled.
    window.grant(0, 15_025, 20_000);
    expect(window.balance).toBeCloseTo(2.5);
  });

  test('SlidingWindow drops spent units with the slot in which they were spent, and makes room with units that come back', () => {
    const window = new SlidingWindow(12_345);
    window.grant(10, 12_345, 12_346);
    window.spend(30);
    window.spend(-5);
    expect(window.balance).toBe(-15);
    window.grant(1, 12_346, 12_371);
    expect(window.balance).toBeCloseTo(-14);
    window.grant(0, 12_371, 22_349);
    expect(window.balance).toBeCloseTo(-14);
    // The slot of both, with 4 ms of the second grant.
    window.grant(0, 22_349, 22_351);
    expect(window.balance).toBeCloseTo(0.84);
    window.grant(0, 22_351, 22_376);
    expect(window.balance).toBe(0);
  });

  test('SlidingWindow keeps nothing from before a pause longer than the window, and ten seconds of the pause’s grant', () => {
    const window = new SlidingWindow(0);
    window.grant(10, 0, 25);
    window.spend(1_000);
    window.grant(60_000, 25, 60_025);
    expect(window.balance).toBeGreaterThanOrEqual(10_000);
    expect(window.balance).toBeLessThanOrEqual(10_025);
  });

  test('SlidingWindow grants nothing where no time has passed', () => {
    const window = new SlidingWindow(0);
    window.grant(100, 50, 50);
    window.grant(100, 50, 40);
    expect(window.balance).toBe(0);
  });
});
