/**
 * The search for the rate that is taken, against limits that a formula gives: what it takes of them, and how fast it
 * follows.
 */
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../support/fault-proxy.js';
import { RateProbe } from '../../../../src/dynamodb/capacity/rate-probe.js';

const BOUNDS = { lowest: 1, highest: 10_000 };
const SECONDS = 0.2;

/** A limit without anything saved up. @returns units a second that passed, step by step */
function follow(probe: RateProbe, steps: number, limit: (rate: number) => number): number[] {
  return Array.from({ length: steps }, () => {
    const { rate } = probe;
    const passed = Math.min(rate, limit(rate));
    probe.step(
      { seconds: SECONDS, passed: passed * SECONDS, throttled: (rate - passed) * SECONDS, binding: true },
      BOUNDS,
    );
    return passed;
  });
}
const mean = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;

describe('RateProbe', () => {
  test.each([9000, 3000, 100])(
    'RateProbe finds a limit of %i below a budget of 10,000 within two seconds, and takes nearly all of it',
    (limit) => {
      const probe = new RateProbe(10_000);
      follow(probe, 10, () => limit);
      expect(probe.rate).toBeLessThan(1.02 * limit);
      const rates: number[] = [];
      const passed = follow(probe, 500, (rate) => {
        rates.push(rate);
        return limit;
      });
      expect(mean(passed) / limit).toBeGreaterThan(0.965);
      // Of 25 items, one that is throttled makes a throttled request.
      const throttled = rates.map((rate) => Math.min(1, 25 * Math.max(0, 1 - limit / rate)));
      expect(mean(throttled)).toBeLessThan(0.03);
    },
  );

  test('RateProbe follows a table that is given twice as much within three quarters of a minute', () => {
    const probe = new RateProbe(10_000);
    follow(probe, 200, () => 1000);
    const after = follow(probe, 300, () => 2000);
    expect(after.findIndex((units) => units >= 1960) * SECONDS).toBeLessThan(45);
  });

  test('RateProbe loses no more than two per cent to one throttle in a thousand', () => {
    const probe = new RateProbe(1000);
    const passed = follow(probe, 1000, (rate) => rate * 0.999);
    expect(mean(passed.slice(200))).toBeGreaterThan(980);
  });

  test('RateProbe does not wear its rate down to nothing on one throttle in two hundred', () => {
    const random = seededRandom(3);
    const probe = new RateProbe(1000);
    // A hundred units at least, as the feedback waits for.
    const rates = Array.from({ length: 2000 }, () => {
      const seconds = Math.min(2, Math.max(SECONDS, 100 / probe.rate));
      const items = Math.round(probe.rate * seconds);
      const throttled = Array.from({ length: items }, random).filter((n) => n < 0.005).length;
      return probe.step({ seconds, passed: items - throttled, throttled, binding: true }, { ...BOUNDS, highest: 1000 });
    });
    expect(mean(rates)).toBeGreaterThan(900);
    expect(Math.min(...rates)).toBeGreaterThan(800);
  });

  test('RateProbe keeps its rate under throttles that stay the same at any rate', () => {
    const probe = new RateProbe(10_000);
    const passed = follow(probe, 600, (rate) => rate * 0.75);
    expect(mean(passed) / 7500).toBeGreaterThan(0.8);
  });

  test('RateProbe distinguishes a rate just above a limit that savings had hidden from chance, though little is throttled', () => {
    const probe = new RateProbe(1000);
    follow(probe, 1, (rate) => rate * 0.995);
    const over: boolean[] = [];
    follow(probe, 150, (rate) => {
      over.push(rate > 953);
      return 950;
    });
    expect(over.slice(15)).not.toContain(true);
  });

  test('RateProbe recovers in less than 50 seconds from seconds in which all is throttled', () => {
    const probe = new RateProbe(1000);
    follow(probe, 25, () => 0);
    expect(probe.rate).toBeCloseTo(50);
    const after = follow(probe, 400, () => 900);
    expect(after.findIndex((units) => units > 850) * SECONDS).toBeLessThan(50);
  });
});
