/**
 * Which mutants a run tries: equal shares of the folders, drawn by a seed. Each mutant's place in the draw depends on
 * the seed and on itself alone, so that a change of the code moves the mutants of what was changed and no others: a
 * small sample that passed goes on to pass until something that it looks at is touched.
 */
import { createHash } from 'node:crypto';
import { nameOf, type Mutant, type Operator } from './mutant.js';

/**
 * How likely one is to be drawn beside the others. There are several numbers and texts to every decision, and a moved
 * constant is more often a matter of taste than a flipped comparison.
 */
const WEIGHTS: Readonly<Record<Operator, number>> = {
  comparison: 1,
  condition: 1,
  logic: 1,
  statement: 1,
  array: 1,
  await: 0.7,
  boolean: 0.7,
  default: 0.6,
  arithmetic: 0.8,
  sql: 0.6,
  number: 0.4,
  string: 0.2,
};

/** All of one folder, in the order in which this seed draws them. */
export function drawn(mutants: readonly Mutant[], seed: number): readonly Mutant[] {
  const seen = new Map<string, number>();
  const ranked = mutants.map((mutant) => {
    const name = `${nameOf(mutant)} | ${mutant.operator}`;
    const nth = seen.get(name) ?? 0;
    seen.set(name, nth + 1);
    // Weighted sampling without replacement (Efraimidis and Spirakis, 2006): the largest u^(1/weight) are the sample.
    return { mutant, rank: unit(`${seed} | ${name} | ${nth}`) ** (1 / WEIGHTS[mutant.operator]) };
  });
  return ranked.sort((a, b) => b.rank - a.rank).map(({ mutant }) => mutant);
}

/** `count` over `folders`, the rest one each to the first ones. */
export function shares(count: number, folders: readonly string[]): ReadonlyMap<string, number> {
  const each = Math.floor(count / folders.length);
  const rest = count % folders.length;
  return new Map(folders.map((folder, i) => [folder, each + (i < rest ? 1 : 0)]));
}

/** In (0, 1]. */
function unit(text: string): number {
  const digest = createHash('sha256').update(text).digest();
  return (digest.readUIntBE(0, 6) + 1) / 2 ** 48;
}
