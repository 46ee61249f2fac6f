/**
 * Applies the rules of the state to every port, in one place. A call returns a result that is on disk, or throws a
 * FerryError. A call that writes is one transaction, which the commit counter counts and the witness records.
 */
import type { StateStore } from '../core/ports/state-ports.js';

/** The concepts of the store, which are all of its ports. */
export type Concepts = Omit<StateStore, 'shard' | 'gone' | 'close'>;

/**
 * The effect of a method on the file:
 * - `writes`: one transaction, counted as a commit, so that an earlier copy of the file is recognised as older
 * - `writes uncounted`: no resume depends on it, so the witness does not record it
 * - `reads`
 * - `value`: the member is a property, not a method
 */
export type Effect = 'writes' | 'writes uncounted' | 'reads' | 'value';

type EffectsOf<Port> = { readonly [Member in keyof Port]: Effect };

/** The effect of every method of every port. A method that is missing here does not exist for callers. */
export const EFFECTS: { readonly [Concept in keyof Concepts]: EffectsOf<Concepts[Concept]> } = {
  binding: {
    bind: 'writes',
    rebind: 'writes',
    acceptedChanges: 'reads',
    formerSettings: 'reads',
    server: 'reads',
    setServer: 'writes',
  },
  plans: { get: 'reads', save: 'writes', identity: 'reads', setIdentity: 'writes' },
  clock: { now: 'reads', latest: 'reads', age: 'reads' },
  passes: {
    open: 'writes',
    abandoned: 'reads',
    standing: 'reads',
    progress: 'reads',
    noteTtl: 'writes',
    finish: 'writes',
    summary: 'reads',
  },
  checkpoints: { commit: 'writes', completeSegment: 'writes', differences: 'reads' },
  badRows: { record: 'writes', forget: 'writes', list: 'reads', count: 'reads', at: 'reads' },
  retries: { settle: 'writes' },
  ambiguousWrites: { add: 'writes', close: 'writes', all: 'reads' },
  lateWrites: { waitsAgain: 'value', begin: 'writes', end: 'writes', crashedAt: 'reads' },
  heartbeat: { beat: 'writes uncounted' },
  incidents: { add: 'writes', all: 'reads' },
};

/** Runs one call of a port by the rules of the state. */
export type Run = <Result>(effect: Effect, call: () => Result) => Result;

/** Returns ports that have only the members of `EFFECTS`. Each of their calls goes through `run`. */
export function guardedPorts(concepts: Concepts, run: Run): Concepts {
  return Object.fromEntries(
    Object.entries(EFFECTS).map(([name, effects]) => [
      name,
      guardedPort(concepts[name as keyof Concepts], effects as Readonly<Record<string, Effect>>, run),
    ]),
  ) as unknown as Concepts;
}

function guardedPort(concept: object, effects: Readonly<Record<string, Effect>>, run: Run): object {
  const port = {};
  for (const [name, effect] of Object.entries(effects)) {
    const member = (): unknown => Reflect.get(concept, name, concept);
    const call = (...args: readonly unknown[]): unknown =>
      run(effect, () => Reflect.apply(member() as (...all: readonly unknown[]) => unknown, concept, args));
    const property = effect === 'value' ? { get: member } : { value: call, writable: true };
    Object.defineProperty(port, name, { ...property, enumerable: true, configurable: true });
  }
  return port;
}
