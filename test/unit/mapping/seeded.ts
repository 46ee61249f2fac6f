/**
 * fast-check with a fixed seed, so that a run is the same everywhere; FC_SEED takes another one. A failure prints its
 * seed.
 */
import fc from 'fast-check';

const SEED = Number(process.env['FC_SEED'] ?? 20_261_122);

export function holds<T>(runs: number, arbitrary: fc.Arbitrary<T>, predicate: (value: T) => void): void {
  fc.assert(fc.property(arbitrary, predicate), { seed: SEED, numRuns: runs });
}
