import { expect, test } from 'vitest';
import { TokenBucket } from '../../src/dynamodb/capacity/token-bucket.js';
import { budgetContract, TurnedClock } from './budget-contract.js';

budgetContract('token bucket', (unitsPerSecond, clock) => new TokenBucket(unitsPerSecond, clock));

const never = new AbortController().signal;

test("the token bucket's tryTake() serves at once or not at all, and never before a taker that waits", async () => {
  const clock = new TurnedClock();
  const bucket = new TokenBucket(100, clock);
  expect(bucket.tryTake(50)).toBe(true);
  expect(bucket.tryTake(1)).toBe(false);
  expect(bucket.waits).toBe(0);
  const waiting = bucket.take(10, never);
  expect(bucket.waits).toBe(1);
  await clock.pass(500);
  await waiting;
  expect(bucket.tryTake(1)).toBe(false);
  await clock.pass(100);
  expect(bucket.open).toBe(true);
  expect(bucket.tryTake(1)).toBe(true);
});

test("the token bucket's share lowers its rate and leaves its limit as it is", async () => {
  const clock = new TurnedClock();
  const bucket = new TokenBucket(100, clock);
  bucket.setShare(0.5);
  expect({ limit: bucket.limit, rate: bucket.rate }).toEqual({ limit: 100, rate: 50 });
  bucket.setLimit(200);
  expect(bucket.rate).toBe(100);
  bucket.tryTake(100);
  const waiting = bucket.take(1, never);
  await clock.pass(1000);
  await waiting;
});

test('the token bucket refuses a limit that is not a number or is negative', () => {
  expect(() => new TokenBucket(Number.NaN)).toThrow(RangeError);
  expect(() => {
    new TokenBucket(1).setLimit(-1);
  }).toThrow(RangeError);
});
