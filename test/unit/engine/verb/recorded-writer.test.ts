/** A recorded writer notes in the state what it may leave behind, and passes on what a chunk says of its rows. */
import { describe, expect, test } from 'vitest';
import { FerryError } from '../../../../src/core/errors.js';
import type { Instant } from '../../../../src/core/time/age.js';
import type { ItemWriter } from '../../../../src/core/ports/target-ports.js';
import type { StateStore } from '../../../../src/core/ports/state-ports.js';
import { RecordedWriter } from '../../../../src/engine/verb/recorded-writer.js';

/** A writer and a state that say in which order they were called. */
function opened(failing: ReadonlySet<string> = new Set()) {
  const calls: unknown[] = [];
  const call = (name: string, ...details: readonly unknown[]): void => {
    calls.push([name, ...details]);
    if (failing.has(name)) throw new FerryError('E_STATE_IO', `${name} failed`, '');
  };
  let report: (keyTexts: readonly string[]) => void = () => undefined;
  const inner: ItemWriter = {
    waitForRoom() {
      call('waitForRoom');
      return Promise.resolve();
    },
    write: (_, readAt) => {
      call('write', readAt);
      return Promise.resolve({ items: 0, newer: 0, superseded: 0, units: 0 });
    },
    close() {
      call('close');
      return Promise.resolve();
    },
  };
  const store = {
    lateWrites: { begin: () => call('begin'), end: () => call('end') },
    ambiguousWrites: { add: (writes: unknown) => call('add', writes) },
    clock: { now: () => 7 },
  } as unknown as StateStore;
  const writer = new RecordedWriter(store, (onSuspects) => {
    call('open');
    report = onSuspects;
    return inner;
  });
  return { writer, calls, suspect: (...keys: readonly string[]) => report(keys) };
}

describe('RecordedWriter', () => {
  test('RecordedWriter passes on when rows were read, as a delete since then may have lost its tombstone', async () => {
    const { writer, calls } = opened();
    const readAt = { monotonic: 1, wall: 2 } as unknown as Instant;
    await writer.waitForRoom(new AbortController().signal);
    await writer.write([], readAt);
    await writer.close();
    expect(calls).toEqual([['begin'], ['open'], ['waitForRoom'], ['write', readAt], ['close'], ['end']]);
  });

  test('RecordedWriter records ambiguous keys at the time of the state, before it goes on', async () => {
    const { writer, calls, suspect } = opened();
    suspect('a', 'b');
    expect(calls.at(-1)).toEqual([
      'add',
      [
        { itemKey: 'a', since: 7 },
        { itemKey: 'b', since: 7 },
      ],
    ]);
    await writer.close();
    expect(calls.at(-1)).toEqual(['end']);
  });

  test('RecordedWriter leaves the run as broken off where it could not record an ambiguous key', async () => {
    const { writer, calls, suspect } = opened(new Set(['add']));
    expect(() => suspect('a')).toThrow('add failed');
    await writer.close();
    expect(calls.at(-1)).toEqual(['close']);
  });

  test('RecordedWriter hides no fault of the run where it cannot note the end', async () => {
    const { writer } = opened(new Set(['end']));
    await expect(writer.close()).resolves.toBeUndefined();
  });

  test('RecordedWriter sends nothing where the state cannot note that requests will be sent', () => {
    expect(() => opened(new Set(['begin']))).toThrow('begin failed');
  });
});
