import { describe, expect, test } from 'vitest';
import { ThrottleFeedback } from '../../../src/dynamodb/throttle-feedback.js';

class BucketSpy {
  waits = 0;
  readonly limit = 1000;
  readonly shares: number[] = [];
  setShare(share: number): void {
    this.shares.push(share);
  }
}

describe('ThrottleFeedback', () => {
  test('decides a few times a second, once there is enough to count, or every two seconds', () => {
    const bucket = new BucketSpy();
    const feedback = new ThrottleFeedback(bucket, 0);
    feedback.note(40, 10, 50, 100);
    feedback.note(30, 10, 100, 199);
    feedback.note(0, 0, 200, 250);
    expect(bucket.shares).toEqual([]);
    feedback.note(10, 0, 250, 300);
    expect(bucket.shares).toEqual([1 - 0.2 - 0.01]);
    feedback.note(0, 1, 400, 2000);
    expect(bucket.shares.length).toBe(1);
    feedback.note(3, 0, 400, 2300);
    expect(bucket.shares.length).toBe(2);
  });

  test('answers to what was sent before a cut count no more: they know nothing of it', () => {
    const bucket = new BucketSpy();
    const feedback = new ThrottleFeedback(bucket, 0);
    feedback.note(90, 10, 100, 200);
    expect(bucket.shares.length).toBe(1);
    feedback.note(0, 200, 199, 400);
    expect([feedback.counts(199), feedback.counts(200)]).toEqual([false, true]);
    expect(bucket.shares.length).toBe(1);
  });

  test('up again while the bucket is what binds, to the whole budget', () => {
    const bucket = new BucketSpy();
    const feedback = new ThrottleFeedback(bucket, 0);
    feedback.note(90, 10, 100, 200);
    feedback.note(100, 0, 300, 400);
    const low = feedback.share;
    feedback.note(100, 0, 500, 600);
    expect(feedback.share).toBe(low);
    for (let ms = 800; ms < 120_000; ms += 200) {
      bucket.waits++;
      feedback.note(100, 0, ms, ms);
    }
    expect(feedback.share).toBe(1);
  });
});
