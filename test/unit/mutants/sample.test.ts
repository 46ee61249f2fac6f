/** The draw: a seed says it all, and what is not touched keeps its place. */
import { describe, expect, it } from 'vitest';
import { mutantsOf } from '../../mutants/operators.js';
import { drawn, shares } from '../../mutants/sample.js';

const LINES = Array.from({ length: 60 }, (_, i) => `export const f${i} = (a: number) => a < ${i + 2} && f(a);`);
const mutants = mutantsOf('src/state/sample.ts', LINES.join('\n'));

describe('drawn', () => {
  it('drawn draws the same mutants by the same seed, other ones by another', () => {
    expect(drawn(mutants, 7)).toEqual(drawn([...mutants].reverse(), 7));
    expect(drawn(mutants, 8)).not.toEqual(drawn(mutants, 7));
    expect(new Set(drawn(mutants, 7)).size).toBe(mutants.length);
  });

  it('drawn keeps the order of untouched mutants after a change of something else', () => {
    const edited = ['// moved by a line', ...LINES.slice(0, 30), ...LINES.slice(31)].join('\n');
    const left = drawn(mutantsOf('src/state/sample.ts', edited), 7);
    const same = drawn(mutants, 7).filter(({ within }) => within !== 'f30');
    expect(left.map(({ within, change }) => [within, change])).toEqual(same.map((it) => [it.within, it.change]));
  });

  it('drawn draws a flipped comparison more often than a moved number', () => {
    const first = drawn(mutants, 7).slice(0, 60);
    const count = (operator: string): number => first.filter((mutant) => mutant.operator === operator).length;
    const all = (operator: string): number => mutants.filter((mutant) => mutant.operator === operator).length;
    expect(count('comparison') / all('comparison')).toBeGreaterThan(count('number') / all('number'));
  });
});

describe('shares', () => {
  it('shares gives equal parts, and the rest one each to the first folders', () => {
    expect([...shares(11, ['a', 'b', 'c'])]).toEqual([
      ['a', 4],
      ['b', 4],
      ['c', 3],
    ]);
  });
});
