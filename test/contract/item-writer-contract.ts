/** Contract that every ItemWriter keeps, whatever it writes to. */
import { describe, expect, test } from 'vitest';
import type { MappedItem } from '../../src/core/model.js';
import type { ItemWriter } from '../../src/core/ports/target-ports.js';
import { sampleItem, sampleItems } from './item-writer-samples.js';

export interface WriterUnderTest extends AsyncDisposable {
  readonly writer: ItemWriter;
  /** Canonical texts of all items that are there. */
  stored(): Promise<readonly string[]>;
}

export function itemWriterContract(name: string, newWriter: () => Promise<WriterUnderTest>): void {
  const never = new AbortController().signal;
  const textsOf = (items: readonly MappedItem[]): readonly string[] => items.map((item) => item.text).sort();

  describe(`ItemWriter contract: ${name}`, () => {
    test('the item writer resolves a write once the table holds all of its items', async () => {
      await using place = await newWriter();
      const items = sampleItems(260, 7, 'A', 'héllo "wörld" \\ 你好 😀\n');
      const receipt = await place.writer.write(items);
      expect(receipt.items).toBe(260);
      expect(receipt.units).toBe(260);
      expect([...(await place.stored())].sort()).toEqual(textsOf(items));
    });

    test('the item writer resolves each of several concurrent writes with its own receipt', async () => {
      await using place = await newWriter();
      const sets = [sampleItems(10, 1, 'A'), sampleItems(70, 70, 'B'), sampleItems(1, 1, 'C'), sampleItems(33, 2, 'D')];
      const receipts = await Promise.all(sets.map(async (set) => await place.writer.write(set)));
      expect(receipts.map((receipt) => receipt.items)).toEqual([10, 70, 1, 33]);
      expect(receipts.map((receipt) => receipt.units)).toEqual([10, 70, 1, 33]);
      expect([...(await place.stored())].sort()).toEqual(textsOf(sets.flat()));
    });

    test('the item writer acknowledges a write of no items at once', async () => {
      await using place = await newWriter();
      expect(await place.writer.write([])).toEqual({ items: 0, newer: 0, superseded: 0, units: 0 });
    });

    test('the item writer writes an item again once the first write of it is acknowledged', async () => {
      await using place = await newWriter();
      await place.writer.write([sampleItem('A', '1', 'old', '1')]);
      await place.writer.write([sampleItem('A', '1', 'new', '2')]);
      expect(await place.stored()).toEqual([sampleItem('A', '1', 'new', '2').text]);
    });

    test('the item writer writes items of nearly 400 KB', async () => {
      await using place = await newWriter();
      const items = sampleItems(8, 3, 'A', 'é'.repeat(190_000));
      const receipt = await place.writer.write(items);
      expect(receipt.items).toBe(8);
      expect((await place.stored()).length).toBe(8);
    });

    test('two rows with one item key fail both writes of the item writer, which names both rows and fails no other write', async () => {
      await using place = await newWriter();
      const [first, second] = [sampleItem('A', '1', 'SECRET-1'), sampleItem('A', '1', 'SECRET-2')];
      const [one, other, two] = await Promise.allSettled([
        place.writer.write([...sampleItems(3, 3, 'X'), first]),
        place.writer.write(sampleItems(40, 4, 'Y')),
        place.writer.write([sampleItem('Z', '1'), second]),
      ]);
      expect(other).toMatchObject({ status: 'fulfilled', value: { items: 40 } });
      for (const failed of [one, two]) {
        expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'E_ITEM_KEY_SHARED' } });
        const { reason } = failed as { reason: Error };
        expect(reason.message).not.toContain('SECRET');
        expect((reason.cause as { first: unknown }).first).toBe(first.row);
        expect((reason.cause as { second: unknown }).second).toBe(second.row);
      }
    });

    test('the item writer refuses a second write of an item key only when the first request for that key has ended', async () => {
      await using place = await newWriter();
      const first = place.writer.write([sampleItem('A', '1', 'first')]);
      let ended = false;
      void first.then(
        () => undefined,
        () => (ended = true),
      );
      // Sent, and not yet answered.
      for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate);
      await expect(place.writer.write([sampleItem('A', '1', 'second')])).rejects.toMatchObject({
        code: 'E_ITEM_KEY_SHARED',
      });
      expect(ended).toBe(true);
      await expect(first).rejects.toMatchObject({ code: 'E_ITEM_KEY_SHARED' });
      // Nothing of it can come after what is written now.
      const third = sampleItem('A', '1', 'third', '2');
      expect(await place.writer.write([third])).toMatchObject({ items: 1 });
      expect(await place.stored()).toEqual([third.text]);
    });

    test('waitForRoom() of the item writer resolves once a refused write has left its room', async () => {
      await using place = await newWriter();
      const full = place.writer.write(sampleItems(2_000, 50));
      const waiting = place.writer.waitForRoom(never);
      const refused = place.writer.write([sampleItem('A#0', '000000')]);
      await expect(refused).rejects.toMatchObject({ code: 'E_ITEM_KEY_SHARED' });
      await expect(full).rejects.toMatchObject({ code: 'E_ITEM_KEY_SHARED' });
      await waiting;
    });

    test('the item writer refuses one row that makes the same item key twice, with E_ITEM_KEY_SHARED', async () => {
      await using place = await newWriter();
      const item = sampleItem('A', '1');
      await expect(place.writer.write([item, item])).rejects.toMatchObject({ code: 'E_ITEM_KEY_SHARED' });
    });

    test('waitForRoom() of the item writer waits until enough earlier writes are acknowledged', async () => {
      await using place = await newWriter();
      await place.writer.waitForRoom(never);
      const write = place.writer.write(sampleItems(2000, 50));
      let ready = false;
      const waiting = place.writer.waitForRoom(never).then(() => {
        ready = true;
      });
      await new Promise((resolve) => setImmediate(resolve));
      expect(ready).toBe(false);
      await Promise.all([write, waiting]);
      expect(ready).toBe(true);
    });

    test('an aborted signal ends waitForRoom() of the item writer with E_INTERRUPTED', async () => {
      await using place = await newWriter();
      const write = place.writer.write(sampleItems(2000, 50));
      const stop = new AbortController();
      const waiting = place.writer.waitForRoom(stop.signal);
      stop.abort();
      await expect(waiting).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
      await write;
    });

    test('close() of the item writer drops queued items, finishes requests in flight, and acknowledges only items that the table holds', async () => {
      await using place = await newWriter();
      const items = sampleItems(3000, 100);
      const writes = [0, 1000, 2000].map(async (start) => await place.writer.write(items.slice(start, start + 1000)));
      const settled = Promise.allSettled(writes);
      await new Promise((resolve) => setTimeout(resolve, 20));
      await place.writer.close();
      const stored = new Set(await place.stored());
      for (const [index, outcome] of (await settled).entries()) {
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'E_INTERRUPTED' });
        else expect(items.slice(index * 1000, index * 1000 + 1000).every((item) => stored.has(item.text))).toBe(true);
      }
      expect((await settled)[2]).toMatchObject({ status: 'rejected' });
      await expect(place.writer.write([sampleItem('late', '1')])).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
      await expect(place.writer.waitForRoom(never)).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
      await place.writer.close();
    });
  });
}
