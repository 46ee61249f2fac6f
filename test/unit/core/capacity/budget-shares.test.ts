/** One budget, whoever joins, leaves, is stopped or is killed: in simulated time, with the product's own buckets. */
import { describe, expect, test } from 'vitest';
import { TokenBucket } from '../../../../src/dynamodb/capacity/token-bucket.js';
import { BudgetShares, REST_MS } from '../../../../src/core/capacity/budget-shares.js';
import { seededRandom } from '../../../support/fault-proxy.js';
import { TurnedClock } from '../../../contract/budget-contract.js';

const TOTAL = 1_200;

/** A clock, the parts, and what each holder was told last. */
function sharing(total = TOTAL) {
  const clock = new TurnedClock();
  const freed = { times: 0 };
  const shares = new BudgetShares<string>(
    total,
    () => (freed.times += 1),
    (ms, run) => clock.after(ms, run),
  );
  const told = new Map<string, number>();
  const join = (name: string): void => shares.join(name, (units) => told.set(name, units));
  return { clock, shares, told, join, freed };
}

describe('BudgetShares', () => {
  test('BudgetShares gives equal parts to all who join at once', async () => {
    const { clock, shares, told, join } = sharing();
    for (const name of ['a', 'b', 'c']) join(name);
    await clock.pass(1);
    expect([...told]).toEqual([
      ['a', 400],
      ['b', 400],
      ['c', 400],
    ]);
    expect(shares.inUse).toBe(TOTAL);
  });

  test('BudgetShares gives a suspended holder’s part to the others once it has answered, and later an equal one back', async () => {
    const { clock, shares, told, join } = sharing();
    for (const name of ['a', 'b']) join(name);
    await clock.pass(1);
    shares.suspend('a');
    await clock.pass(60_000);
    expect([told.get('a'), told.get('b')]).toEqual([0, 600]);
    expect(shares.heldBy('a')).toBe(600);
    shares.granted('a', 600);
    shares.granted('a', 0);
    await clock.pass(REST_MS - 1);
    expect(told.get('b')).toBe(600);
    await clock.pass(2);
    expect([told.get('b'), shares.heldBy('a')]).toEqual([TOTAL, 0]);
    shares.restore('a');
    await clock.pass(1);
    expect([told.get('a'), told.get('b')]).toEqual([0, 600]);
    shares.granted('b', 600);
    shares.granted('b', TOTAL);
    shares.granted('b', 600);
    await clock.pass(REST_MS + 2);
    expect([told.get('a'), told.get('b'), shares.inUse]).toEqual([600, 600, TOTAL]);
  });

  test('BudgetShares takes parts only from holders that have confirmed, and gives them to others only after a rest', async () => {
    const { clock, shares, told, join } = sharing();
    join('a');
    await clock.pass(1);
    shares.granted('a', TOTAL);
    join('b');
    await clock.pass(60_000);
    // It was told, and is stopped, say.
    expect([...told]).toEqual([['a', 600]]);
    shares.granted('a', 600);
    await clock.pass(REST_MS - 1);
    expect(told.has('b')).toBe(false);
    await clock.pass(2);
    expect(told.get('b')).toBe(600);
    expect(shares.inUse).toBe(TOTAL);
  });

  test('BudgetShares gives the part of a holder that leaves to the others, once, after a rest', async () => {
    const { clock, shares, told, join, freed } = sharing();
    join('a');
    join('b');
    await clock.pass(1);
    shares.leave('a');
    shares.leave('a');
    await clock.pass(REST_MS - 2);
    expect(told.get('b')).toBe(600);
    await clock.pass(3);
    expect([told.get('b'), freed.times]).toEqual([TOTAL, 1]);
  });

  test('BudgetShares lets parts grow and shrink with the whole', async () => {
    const { clock, shares, told, join } = sharing(100);
    join('a');
    await clock.pass(1);
    shares.setTotal(300);
    await clock.pass(1);
    expect([told.get('a'), shares.inUse]).toEqual([300, 300]);
    shares.setTotal(50);
    await clock.pass(10_000);
    expect([told.get('a'), shares.inUse]).toEqual([50, 300]);
    // An answer to what was told before says nothing new.
    shares.granted('a', 100);
    expect(shares.inUse).toBe(300);
    shares.granted('a', 300);
    shares.granted('a', 50);
    expect(shares.inUse).toBe(300);
    await clock.pass(REST_MS);
    expect(shares.inUse).toBe(50);
  });
});

describe('answers of a stopped holder', () => {
  /**
   * Told to have a third, half and all of it, one after the other, while it is stopped; it goes on, and answers each.
   */
  async function toldThrice(answers: readonly number[]) {
    const sharer = sharing();
    const { clock, shares, join } = sharer;
    for (const name of ['a', 'b', 'c']) join(name);
    await clock.pass(1);
    for (const name of ['b', 'c']) {
      shares.leave(name);
      await clock.pass(REST_MS + 1);
    }
    for (const units of answers) shares.granted('a', units);
    await clock.pass(REST_MS + 1);
    return sharer;
  }

  test.each([
    ['none yet', []],
    ['the first', [400]],
    ['two', [400, 600]],
    ['all', [400, 600, TOTAL]],
  ])(
    'BudgetShares takes nothing back for late answers of a stopped holder whose part grew; answered so far: %s',
    async (_, answers) => {
      const { clock, shares, told, join } = await toldThrice(answers);
      expect([told.get('a'), shares.inUse]).toEqual([TOTAL, TOTAL]);
      join('d');
      await clock.pass(10_000);
      // What it was told is what it may be spending, until it has said otherwise.
      expect([told.get('a'), told.get('d')]).toEqual([600, undefined]);
      for (const units of [400, 600, TOTAL, 600].slice(answers.length)) shares.granted('a', units);
      await clock.pass(REST_MS + 1);
      expect([told.get('a'), told.get('d'), shares.inUse]).toEqual([600, 600, TOTAL]);
      shares.leave('d');
      await clock.pass(REST_MS + 1);
      expect(told.get('a')).toBe(TOTAL);
    },
  );

  test('BudgetShares ignores an answer to an earlier part that has the value of the latest one', async () => {
    const { clock, shares, told, join } = await toldThrice([400]);
    join('d');
    await clock.pass(1);
    expect(told.get('a')).toBe(600);
    // To the second one: the third is still before it.
    shares.granted('a', 600);
    await clock.pass(10_000);
    expect([shares.inUse, told.get('d')]).toEqual([TOTAL, undefined]);
  });
});

/**
 * A shard's process: spends what it may while it is neither stopped nor gone. What it is told and what it answers takes
 * its time.
 */
class Worker {
  readonly #bucket: TokenBucket;
  stoppedUntil = 0;
  gone = false;
  readonly #inbox: { readonly at: number; readonly units: number }[] = [];
  #open: { readonly arrives: number; readonly ends: number; readonly units: number; arrived: boolean }[] = [];

  constructor(
    private readonly clock: { now(): number },
    private readonly random: () => number,
    private readonly arrive: (units: number) => void,
    private readonly answer: (units: number) => void,
  ) {
    this.#bucket = new TokenBucket(0, { now: () => clock.now(), after: () => () => undefined });
  }

  tell(units: number): void {
    this.#inbox.push({ at: this.clock.now() + this.random() * 200, units });
  }

  tick(): void {
    const now = this.clock.now();
    for (const request of this.#open) {
      if (request.arrived || request.arrives > now) continue;
      request.arrived = true;
      this.arrive(request.units);
    }
    if (this.gone || now < this.stoppedUntil) return;
    this.#open = this.#open.filter(({ ends, arrived, units }) => {
      if (ends > now || !arrived) return true;
      this.#bucket.ended(units);
      return false;
    });
    for (let next = this.#inbox[0]; next !== undefined && next.at <= now; next = this.#inbox[0]) {
      this.#inbox.shift();
      this.#bucket.setLimit(next.units);
      this.answer(next.units);
    }
    while (this.#open.length < 32 && this.#bucket.open) {
      const units = Math.max(1, this.#bucket.smallDebit);
      this.#bucket.tryTake(units);
      this.#bucket.sent(units);
      // Stopped in the midst of writing it, it goes on its way when it goes on.
      const late = now + 5 < this.stoppedUntil ? this.stoppedUntil : now;
      const arrives = late + this.random() * (this.random() < 0.02 ? 1_500 : 20);
      this.#open.push({ arrives, ends: arrives + this.random() * 10, units, arrived: false });
    }
  }

  /** What is in the line arrives all the same, soon. */
  kill(): void {
    this.gone = true;
    const by = this.clock.now() + 200;
    this.#open = this.#open.map((request) => ({ ...request, arrives: Math.min(request.arrives, by) }));
  }
}

const ASKED = process.env['DYNAFERRY_TEST_SEED'];
const SEEDS = ASKED === undefined ? [1, 2, 3, 4, 5, 6] : [Number(ASKED)];

test.each(SEEDS)(
  'BudgetShares grants no more than ten seconds’ worth in any ten seconds, with stopped and killed workers too (seed %i)',
  (seed) => {
    const random = seededRandom(seed);
    let now = 0;
    let timers: { readonly at: number; readonly run: () => void }[] = [];
    const shares = new BudgetShares<Worker>(
      TOTAL,
      () => undefined,
      (ms, run) => {
        const timer = { at: now + ms, run };
        timers.push(timer);
        return () => (timers = timers.filter((other) => other !== timer));
      },
    );
    const arrivals: { readonly at: number; readonly units: number }[] = [];
    const workers = new Set<Worker>();
    const all: Worker[] = [];
    let supervisorStoppedUntil = 0;
    const answers: (() => void)[] = [];
    const start = (): void => {
      const worker: Worker = new Worker(
        { now: () => now },
        random,
        (units) => arrivals.push({ at: now, units }),
        (units) => answers.push(() => shares.granted(worker, units)),
      );
      workers.add(worker);
      all.push(worker);
      shares.join(worker, (units) => worker.tell(units));
    };
    for (let i = 0; i < 3; i++) start();
    for (; now < 150_000; now += 5) {
      if (now >= supervisorStoppedUntil) {
        const due = timers.filter(({ at }) => at <= now);
        timers = timers.filter(({ at }) => at > now);
        for (const { run } of due) run();
        for (const run of answers.splice(0)) run();
        for (const worker of workers) {
          if (!worker.gone) continue;
          workers.delete(worker);
          shares.leave(worker);
          if (random() < 0.7) start();
        }
        if (workers.size < 4 && random() < 0.002) start();
      }
      for (const worker of all) worker.tick();
      const someone = [...workers][Math.floor(random() * workers.size)];
      if (random() < 0.0004) supervisorStoppedUntil = now + random() * 6_000;
      if (someone !== undefined && random() < 0.0003) someone.stoppedUntil = now + random() * 12_000;
      if (someone !== undefined && random() < 0.0006) someone.kill();
      if (random() < 0.0001) for (const worker of workers) worker.stoppedUntil = now + random() * 12_000;
    }
    let [most, sum, first] = [0, 0, 0];
    for (const { at, units } of arrivals) {
      sum += units;
      for (let oldest = arrivals[first]; oldest !== undefined && at - oldest.at >= 10_000; oldest = arrivals[++first])
        sum -= oldest.units;
      most = Math.max(most, sum);
    }
    expect(most / (10 * TOTAL)).toBeLessThanOrEqual(1.005);
    expect(arrivals.length).toBeGreaterThan(500);
  },
);
