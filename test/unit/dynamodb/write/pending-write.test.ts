/** One write, from its items down to its receipt. */
import { describe, expect, test } from 'vitest';
import { FerryError, interrupted } from '../../../../src/core/errors.js';
import { UnsettledWrites, PendingWrite } from '../../../../src/dynamodb/write/pending-write.js';

/** What has become of the receipt by now. */
async function state(write: PendingWrite): Promise<unknown> {
  const open = Symbol('open');
  const outcome = await Promise.race([
    write.receipt.catch((error: unknown) => (error as FerryError).code),
    new Promise((resolve) => setImmediate(resolve, open)),
  ]);
  return outcome === open ? 'open' : outcome;
}

const refused = (): FerryError => new FerryError('E_TARGET_REQUEST', 'refused', 'mend it');

describe('PendingWrite', () => {
  test('PendingWrite resolves at its last acknowledgement, with what was consumed and what stayed newer', async () => {
    const write = new PendingWrite(3);
    expect([write.waiting, write.settled]).toEqual([true, false]);
    for (let i = 0; i < 3; i++) write.sent();
    expect(write.waiting).toBe(false);
    write.acknowledged(2, false);
    write.acknowledged(5, true);
    expect([await state(write), write.settled]).toEqual(['open', false]);
    write.acknowledged(1, true);
    expect(await state(write)).toEqual({ items: 3, newer: 2, superseded: 0, units: 8 });
    expect([write.waiting, write.settled, write.failed]).toEqual([false, true, false]);
  });

  test('PendingWrite takes what came back as waiting, and counts nothing for it', async () => {
    const write = new PendingWrite(1);
    write.sent();
    write.returned();
    expect([write.waiting, write.settled, await state(write)]).toEqual([true, false, 'open']);
    write.sent();
    write.acknowledged(1, false);
    expect(await state(write)).toEqual({ items: 1, newer: 0, superseded: 0, units: 1 });
  });

  test('a failed PendingWrite settles once none of its items is in flight, with the first failure', async () => {
    const write = new PendingWrite(3);
    write.sent();
    write.sent();
    write.fail(refused());
    write.fail(interrupted());
    expect([write.failed, write.settled, await state(write)]).toEqual([true, false, 'open']);
    write.acknowledged(1, false);
    expect([write.settled, await state(write)]).toEqual([false, 'open']);
    write.returned();
    expect([write.settled, await state(write)]).toEqual([true, 'E_TARGET_REQUEST']);
  });

  test('PendingWrite counts a superseded item once the later one is acknowledged, without units of its own', async () => {
    const write = new PendingWrite(2);
    write.sent();
    write.acknowledged(3, false);
    expect(await state(write)).toBe('open');
    write.sent();
    write.superseded();
    expect([await state(write), write.settled]).toEqual([{ items: 2, newer: 0, superseded: 1, units: 3 }, true]);
  });

  test('a failed PendingWrite rejects, also where all of it may have been acknowledged', async () => {
    const write = new PendingWrite(1);
    write.sent();
    write.fail(refused());
    write.acknowledged(1, false);
    expect(await state(write)).toBe('E_TARGET_REQUEST');
  });

  test('PendingWrite goes on beside single refused items, and rejects with all of them and the outcome of the rest', async () => {
    const write = new PendingWrite(4);
    for (let i = 0; i < 3; i++) write.sent();
    const blamed = ['first', 'second'].map((row) => {
      return new FerryError('E_TARGET_REQUEST', 'refused', 'mend it', { cause: { row, bad: row } });
    });
    for (const error of blamed) write.refused(error);
    write.acknowledged(2, true);
    expect([write.failed, write.waiting, write.settled, await state(write)]).toEqual([false, true, false, 'open']);
    write.sent();
    write.acknowledged(1, false);
    expect(write.settled).toBe(true);
    const thrown = await write.receipt.catch((error: unknown) => error);
    expect(thrown).toMatchObject({
      code: 'E_TARGET_REQUEST',
      options: {
        cause: {
          row: 'first',
          all: [{ row: 'first' }, { row: 'second' }],
          written: { items: 2, newer: 1, superseded: 0, units: 3 },
        },
      },
    });
  });

  test('PendingWrite prefers a failure of the run to refused items, as nothing says that the rest is written', async () => {
    const write = new PendingWrite(2);
    write.sent();
    write.refused(refused());
    write.fail(interrupted());
    expect([write.settled, await state(write)]).toEqual([true, 'E_INTERRUPTED']);
  });
});

describe('UnsettledWrites', () => {
  test('UnsettledWrites fails each write that has something waiting when the run fails, and leaves the rest to their answers', async () => {
    const open = new UnsettledWrites();
    const [waiting, inFlight, done] = [new PendingWrite(2), new PendingWrite(1), new PendingWrite(1)];
    for (const write of [waiting, inFlight, done]) open.add(write);
    inFlight.sent();
    done.sent();
    done.acknowledged(1, false);
    open.forgetSettled(done);
    open.forgetSettled(inFlight);
    expect(open.sweep(null)).toBe(false);
    expect(open.sweep(interrupted())).toBe(true);
    expect(await state(waiting)).toBe('E_INTERRUPTED');
    expect([inFlight.failed, done.failed]).toEqual([false, false]);
    // The failed one was settled, and is forgotten.
    expect(open.sweep(interrupted())).toBe(false);
    inFlight.returned();
    expect(open.sweep(interrupted())).toBe(true);
    expect(await state(inFlight)).toBe('E_INTERRUPTED');
  });

  test('UnsettledWrites sweeps a failed write until it settles', async () => {
    const open = new UnsettledWrites();
    const write = new PendingWrite(2);
    open.add(write);
    write.sent();
    write.fail(refused());
    expect([open.sweep(null), open.sweep(null)]).toEqual([true, true]);
    write.returned();
    expect(await state(write)).toBe('E_TARGET_REQUEST');
    expect([open.sweep(null), open.sweep(null)]).toEqual([true, false]);
  });
});
