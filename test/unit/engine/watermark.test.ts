import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Watermark } from '../../../src/engine/watermark.js';
import { holds } from '../mapping/seeded.js';

describe('Watermark', () => {
  it('waits for the chunk in front, then hands on all that are done behind it', () => {
    const watermark = new Watermark<string>();
    const [first, second, third, fourth] = [watermark.start(), watermark.start(), watermark.start(), watermark.start()];
    expect(second('c2')).toEqual([]);
    expect(fourth('c4')).toEqual([]);
    expect(watermark.open).toBe(4);
    expect(first('c1')).toEqual(['c1', 'c2']);
    expect(watermark.open).toBe(2);
    expect(third('c3')).toEqual(['c3', 'c4']);
    expect(watermark.open).toBe(0);
  });

  it('hands on each chunk once, in key order, and never past one that is not done', () => {
    // true: the next chunk starts; a number: one of the open chunks is done.
    const steps = fc.array(fc.oneof(fc.constant(true), fc.nat({ max: 50 })), { maxLength: 120 });
    holds(500, steps, (list) => {
      const watermark = new Watermark<number>();
      const open: { readonly chunk: number; readonly done: (chunk: number) => readonly number[] }[] = [];
      const finished = new Set<number>();
      const committed: number[] = [];
      let started = 0;
      for (const step of list) {
        if (step === true) {
          open.push({ chunk: started, done: watermark.start() });
          started += 1;
        } else if (open.length > 0) {
          const [next] = open.splice(step % open.length, 1);
          if (next === undefined) continue;
          finished.add(next.chunk);
          committed.push(...next.done(next.chunk));
        }
        const contiguous = Array.from({ length: committed.length }, (_, chunk) => chunk);
        expect(committed).toEqual(contiguous);
        expect(finished.has(committed.length)).toBe(false);
        expect(watermark.open).toBe(started - committed.length);
      }
    });
  });
});
