/** The score: what counts as killed, and how it is rounded. */
import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../mutants/judge.js';
import { mutantsOf } from '../../mutants/operators.js';
import { summary } from '../../mutants/report.js';

function verdicts(folder: string, statuses: readonly Verdict['status'][]): readonly Verdict[] {
  const [mutant] = mutantsOf(`src/${folder}/sample.ts`, 'f(a < b);');
  if (mutant === undefined) throw new Error('no mutant was found');
  return statuses.map((status) => ({ mutant, status, by: null, ms: 2_000, ran: [], cutShort: false }));
}

describe('summary', () => {
  it('summary counts what ran into the time limit as killed, by folder and over all', () => {
    const all = [...verdicts('state', ['killed', 'timed out']), ...verdicts('mysql', ['killed', 'survived'])];
    const { lines, score } = summary(all, ['mysql', 'state'], 3, 5);
    expect(lines).toEqual([
      'mysql       50.0%   1 of 2 killed',
      'state      100.0%   2 of 2 killed',
      'score 75.0%: 3 of 4 killed (1 by time), 3 equivalent not counted, seed 5, 2.0 s each',
    ]);
    expect(score).toBe(0.75);
  });

  it('summary never rounds up to the bar', () => {
    const all = verdicts('state', [
      ...Array.from({ length: 949 }, () => 'killed' as const),
      ...Array.from({ length: 51 }, () => 'survived' as const),
    ]);
    const { lines, score } = summary(all, ['state'], 0, 1);
    expect(lines.at(-1)).toMatch(/^score 94\.9%/);
    expect(score).toBeLessThan(0.95);
  });
});
