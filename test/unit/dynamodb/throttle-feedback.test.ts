import { describe, expect, test } from 'vitest';
import { ThrottleFeedback } from '../../../src/dynamodb/throttle-feedback.js';

class BucketSpy {
  waits = 0;
  readonly shares: number[] = [];
  setShare(share: number): void {
    this.shares.push(share);
  }
}

describe('ThrottleFeedback', () => {
  test('more than 1% of a second’s items throttled: x 0.7, once a second', () => {
    const bucket = new BucketSpy();
    const feedback = new ThrottleFeedback(bucket, 0);
    feedback.note(98, 0, 400);
    feedback.note(2, 2, 900);
    expect(bucket.shares).toEqual([]);
    feedback.note(0, 0, 1000);
    expect(bucket.shares).toEqual([0.7]);
    feedback.note(1000, 10, 2000);
    expect(feedback.share).toBe(0.7);
    feedback.note(1000, 11, 3000);
    expect(feedback.share).toBeCloseTo(0.49);
  });

  test('+2% a second while the bucket is what binds, up to the whole', () => {
    const bucket = new BucketSpy();
    const feedback = new ThrottleFeedback(bucket, 0);
    feedback.note(1, 1, 1000);
    feedback.note(100, 0, 2000);
    expect(feedback.share).toBe(0.7);
    bucket.waits++;
    feedback.note(100, 0, 3000);
    expect(feedback.share).toBeCloseTo(0.714);
    for (let second = 4; second < 60; second++) {
      bucket.waits++;
      feedback.note(100, 0, second * 1000);
    }
    expect(feedback.share).toBe(1);
  });

  test('never stops altogether', () => {
    const bucket = new BucketSpy();
    const feedback = new ThrottleFeedback(bucket, 0);
    for (let second = 1; second < 100; second++) feedback.note(1, 1, second * 1000);
    expect(feedback.share).toBe(0.01);
  });
});
