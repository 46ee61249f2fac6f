import { describe, expect, test } from 'vitest';
import { ThrottleFeedback } from '../../../../src/dynamodb/capacity/throttle-feedback.js';

class BucketSpy {
  waits = 0;
  readonly shares: number[] = [];
  constructor(readonly limit = 1000) {}
  setShare(share: number): void {
    this.shares.push(share);
  }
}

describe('ThrottleFeedback', () => {
  test('ThrottleFeedback decides a few times a second, once there is enough to count, or every two seconds', () => {
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

  test('ThrottleFeedback does not count answers to what was sent before a cut, which they know nothing of', () => {
    const bucket = new BucketSpy();
    const feedback = new ThrottleFeedback(bucket, 0);
    feedback.note(90, 10, 100, 200);
    expect(bucket.shares.length).toBe(1);
    feedback.note(0, 200, 199, 400);
    expect([feedback.counts(199), feedback.counts(200)]).toEqual([false, true]);
    expect(bucket.shares.length).toBe(1);
  });

  test('ThrottleFeedback raises the share up to the whole budget while the bucket is the limit', () => {
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

  test('ThrottleFeedback takes steps of two seconds where little is counted, and of a fifth of a second at least', () => {
    const feedback = new ThrottleFeedback(new BucketSpy(), 1000);
    const due = (counted: number, now: number): boolean => feedback.due(counted, now);
    expect([due(1e9, 1199), due(99, 1200), due(100, 1200)]).toEqual([false, false, true]);
    expect([due(0, 2999), due(0, 3000)]).toEqual([false, true]);
  });

  test('ThrottleFeedback never sets a share below one unit a second, or above the whole', () => {
    const share = (limit: number): number => {
      const bucket = new BucketSpy(limit);
      const feedback = new ThrottleFeedback(bucket, 0);
      for (let now = 200; now < 40_000; now += 200) feedback.note(0, 1000, now, now);
      expect(feedback.share).toBe(bucket.shares.at(-1) ?? 1);
      return feedback.share;
    };
    expect(share(10)).toBeCloseTo(0.1);
    expect(share(0.5)).toBe(1);
    expect(new ThrottleFeedback(new BucketSpy(), 0).share).toBe(1);
  });

  test('ThrottleFeedback sets the share only where it changed, and counts only a smaller one as a cut', () => {
    const bucket = new BucketSpy();
    const feedback = new ThrottleFeedback(bucket, 0);
    feedback.step(100, 0, 200);
    expect(bucket.shares).toEqual([]);
    expect(feedback.counts(0)).toBe(true);
    feedback.step(90, 10, 400);
    feedback.step(100, 0, 600);
    bucket.waits++;
    const cut = feedback.counts(599);
    feedback.step(100, 0, 800);
    expect([cut, feedback.counts(600)]).toEqual([false, true]);
    expect(bucket.shares.length).toBe(3);
    expect(bucket.shares[2]).toBeGreaterThan(bucket.shares[1] ?? 1);
    // Nobody waited since: nothing to raise.
    feedback.step(100, 0, 1000);
    expect(bucket.shares.length).toBe(3);
  });
});
