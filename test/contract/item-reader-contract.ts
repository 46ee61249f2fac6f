/** Contract that every ItemReader keeps, whatever it reads from. */
import { describe, expect, test } from 'vitest';
import { SAME } from '../../src/core/item/found-item.js';
import type { MappedItem } from '../../src/core/model.js';
import type { ItemReader } from '../../src/core/ports/target-ports.js';
import { sampleItem, sampleItems } from './item-writer-samples.js';

export interface ReaderUnderTest extends AsyncDisposable {
  readonly reader: ItemReader;
  store(items: readonly MappedItem[]): Promise<void>;
}

const keyOf = ({ row }: MappedItem): [string, string] => [String(row[0]), String(row[1])];

export function itemReaderContract(name: string, newReader: () => Promise<ReaderUnderTest>): void {
  const never = new AbortController().signal;

  describe(`ItemReader contract: ${name}`, () => {
    test('the item reader reports equal items as SAME and absent ones as null', async () => {
      await using place = await newReader();
      const items = sampleItems(230, 9, 'A', 'héllo "wörld" \\ 你好 😀\n');
      await place.store(items);
      const absent = sampleItem('absent', '1');
      const { found: held, units } = await place.reader.read([absent, ...items], never);
      expect(held).toEqual([null, ...items.map(() => SAME)]);
      expect(units).toBeGreaterThanOrEqual(230);
    });

    test('the item reader returns a differing item as its canonical text, in the place of the one asked for', async () => {
      await using place = await newReader();
      const items = sampleItems(230, 9);
      const stored = items.map((item, i) => (i % 7 === 0 ? sampleItem(...keyOf(item), 'other', '1.5') : item));
      await place.store(stored);
      const { found: held } = await place.reader.read(items, never);
      expect(held).toEqual(stored.map((item, i) => (i % 7 === 0 ? item.text : SAME)));
    });

    test('the item reader reads an item as it was just written', async () => {
      await using place = await newReader();
      for (const body of ['1', '2', '3']) {
        const item = sampleItem('A', '1', body);
        await place.store([item]);
        expect((await place.reader.read([item], never)).found).toEqual([SAME]);
      }
    });

    test('the item reader returns all items, also where they are larger than one answer of DynamoDB', async () => {
      await using place = await newReader();
      const items = sampleItems(45, 3, 'A', 'x'.repeat(390_000));
      await place.store(items);
      expect((await place.reader.read(items, never)).found).toEqual(items.map(() => SAME));
    });

    test('the item reader sends no request for no items, and reads one key once for all items that have it', async () => {
      await using place = await newReader();
      expect(await place.reader.read([], never)).toEqual({ found: [], units: 0 });
      const item = sampleItem('A', '1');
      await place.store([item]);
      const one = await place.reader.read([item], never);
      const other = sampleItem('A', '1', 'other');
      expect(await place.reader.read([item, other, item], never)).toEqual({ ...one, found: [SAME, item.text, SAME] });
      expect(await place.reader.read([other, item], never)).toEqual({ ...one, found: [item.text, SAME] });
    });

    test('an aborted signal and close() end reads of the item reader with E_INTERRUPTED', async () => {
      await using place = await newReader();
      const items = sampleItems(2000, 5);
      await expect(place.reader.read(items, AbortSignal.abort())).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
      const stop = new AbortController();
      const aborted = place.reader.read(items, stop.signal);
      stop.abort();
      await expect(aborted).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
      const closed = place.reader.read(items, never);
      const outcome = expect(closed).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
      await place.reader.close();
      await outcome;
      await expect(place.reader.read(items, never)).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    });
  });
}
