/** What puts and deletes are debited before the service says what they cost. */
import { describe, expect, test } from 'vitest';
import { WriteCost } from '../../../../src/dynamodb/capacity/cost-factor.js';

describe('WriteCost', () => {
  test('WriteCost learns a tenth of each surprise from puts, and nothing where nothing was expected', () => {
    const cost = new WriteCost();
    expect(cost.of(10, 0)).toBe(10);
    cost.learn(30, 10, 0);
    expect(cost.ofPutUnit).toBeCloseTo(1.2);
    cost.learn(0, 10, 0);
    expect(cost.ofPutUnit).toBeCloseTo(1.08);
    cost.learn(5, 0, 0);
    expect([cost.ofPutUnit, cost.ofDelete]).toEqual([expect.closeTo(1.08), 1]);
    expect(new WriteCost(3).of(2, 1)).toBe(9);
  });

  test('WriteCost takes the first answer as the cost of a delete, and then a tenth of each surprise', () => {
    const cost = new WriteCost(2);
    cost.learn(50, 0, 10);
    expect([cost.ofPutUnit, cost.ofDelete]).toEqual([2, 5]);
    cost.learn(10, 0, 10);
    expect(cost.of(10, 10)).toBeCloseTo(20 + 46);
  });

  test('WriteCost keeps the cost of puts while large items are deleted beside them', () => {
    const cost = new WriteCost();
    for (let batch = 0; batch < 50; batch++) cost.learn(12 + 13 * 40, 12, 13);
    expect([cost.ofPutUnit, cost.ofDelete]).toEqual([1, 40]);
  });

  test('WriteCost learns from a batch of both that puts cost less than estimated: a delete costs at least one unit', () => {
    const cost = new WriteCost(4);
    for (let batch = 0; batch < 200; batch++) cost.learn(30, 20, 5);
    expect(cost.ofPutUnit).toBeCloseTo(1.25);
    expect(cost.of(20, 5)).toBeCloseTo(30);
    // What puts alone cost shows the rest.
    for (let batch = 0; batch < 200; batch++) {
      cost.learn(20, 20, 0);
      cost.learn(30, 20, 5);
    }
    expect([cost.ofPutUnit, cost.ofDelete]).toEqual([expect.closeTo(1), expect.closeTo(2)]);
  });
});
