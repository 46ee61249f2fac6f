/** An empty place for state, and the steps that the suites of the state's ports take with it. */
import { expect } from 'vitest';
import type { StateStore } from '../../../src/core/ports/state-ports.js';
import type { Pass } from '../../../src/core/ports/state-records.js';
import { samplePlan } from '../state-store-samples.js';

/** One empty place for state, removed on disposal. */
export interface StatePlaceUnderTest extends AsyncDisposable {
  /** Opens the store, making it where it is missing. */
  open(): StateStore;
}

export type NewPlace = () => Promise<StatePlaceUnderTest>;

export const DIGEST = 'ffffffffffffffffffffffffffffffff';

export const DEFECT = expect.objectContaining({ name: 'FerryError', code: 'E_INTERNAL' }) as unknown;

/** Returns a function that runs `first` on a new store, and `second` on it, closes it, and runs `second` again. */
export function reopening(newPlace: NewPlace) {
  return async function acrossReopen<T>(
    first: (store: StateStore) => T,
    second: (store: StateStore, made: T) => void,
  ): Promise<void> {
    await using place = await newPlace();
    const before = place.open();
    const made = first(before);
    second(before, made);
    before.close();
    const after = place.open();
    second(after, made);
    after.close();
  };
}

/** Starts a backfill of the sample plan's table. */
export function begun(store: StateStore): Pass {
  store.plans.save(samplePlan());
  return store.passes.open('backfill', 'messages');
}
