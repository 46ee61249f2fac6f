import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Watermark } from '../../../../src/engine/pass/watermark.js';
import { holds } from '../../mapping/seeded.js';

describe('Watermark', () => {
  it('Watermark waits for the chunk in front, then commits all that are done behind it', () => {
    const committed: string[][] = [];
    const watermark = new Watermark<string>((run) => void committed.push([...run]));
    const [first, second, third, fourth] = [watermark.start(), watermark.start(), watermark.start(), watermark.start()];
    second('c2');
    fourth('c4');
    expect(committed).toEqual([]);
    expect(watermark.open).toBe(4);
    first('c1');
    expect(committed).toEqual([['c1', 'c2']]);
    expect(watermark.open).toBe(2);
    third('c3');
    expect(committed).toEqual([
      ['c1', 'c2'],
      ['c3', 'c4'],
    ]);
    expect(watermark.open).toBe(0);
  });

  it('Watermark releases a run of chunks only once its commit has returned', () => {
    let open = -1;
    const watermark: Watermark<string> = new Watermark<string>(() => {
      open = watermark.open;
    });
    watermark.start()('c1');
    expect([open, watermark.open]).toEqual([1, 0]);
  });

  it('Watermark commits nothing behind a commit that failed, and keeps those chunks open', () => {
    const committed: string[][] = [];
    let full = false;
    const watermark = new Watermark<string>((run) => {
      if (full) throw new Error('the disk is full');
      committed.push([...run]);
    });
    watermark.start()('c1');
    const [second, third, fourth] = [watermark.start(), watermark.start(), watermark.start()];
    full = true;
    expect(() => second('c2')).toThrow('the disk is full');
    full = false;
    fourth('c4');
    third('c3');
    watermark.start()('c5');
    expect(committed).toEqual([['c1']]);
    expect(watermark.open).toBe(4);
  });

  it('Watermark commits each chunk once, in key order, never past an open one, and nothing after a failure', () => {
    // true: the next chunk starts; a number: one of the open chunks is done.
    const steps = fc.array(fc.oneof(fc.constant(true), fc.nat({ max: 50 })), { maxLength: 120 });
    holds(500, fc.tuple(steps, fc.nat({ max: 60 })), ([list, failAt]) => {
      const committed: number[] = [];
      let commits = 0;
      const watermark = new Watermark<number>((run) => {
        commits += 1;
        if (commits === failAt) throw new Error('once');
        committed.push(...run);
      });
      const open: { readonly chunk: number; readonly done: (chunk: number) => void }[] = [];
      const finished = new Set<number>();
      let started = 0;
      for (const step of list) {
        if (step === true) {
          open.push({ chunk: started, done: watermark.start() });
          started += 1;
        } else if (open.length > 0) {
          const [next] = open.splice(step % open.length, 1);
          if (next === undefined) continue;
          finished.add(next.chunk);
          try {
            next.done(next.chunk);
          } catch {
            // The one failure; what it left open is looked at below.
          }
        }
        const contiguous = Array.from({ length: committed.length }, (_, chunk) => chunk);
        expect(committed).toEqual(contiguous);
        // Once it failed, it is never asked again.
        if (failAt > 0) expect(commits).toBeLessThanOrEqual(failAt);
        if (failAt === 0 || commits < failAt) expect(finished.has(committed.length)).toBe(false);
        expect(watermark.open).toBe(started - committed.length);
      }
    });
  });
});
