/** What every ItemReader must do, whatever it reads from. */
import { describe, expect, test } from 'vitest';
import type { MappedItem } from '../../src/core/model.js';
import type { ItemReader } from '../../src/core/ports.js';
import { sampleItem, sampleItems } from './item-writer-samples.js';

export interface ReaderUnderTest extends AsyncDisposable {
  readonly reader: ItemReader;
  store(items: readonly MappedItem[]): Promise<void>;
}

export function itemReaderContract(name: string, newReader: () => Promise<ReaderUnderTest>): void {
  const never = new AbortController().signal;

  describe(`ItemReader contract: ${name}`, () => {
    test('finds each item by key text, as canonical text; absent ones have no entry', async () => {
      await using place = await newReader();
      const items = sampleItems(230, 9, 'A', 'héllo "wörld" \\ 你好 😀\n');
      await place.store(items);
      const absent = sampleItem('absent', '1').keyText;
      const { texts, units } = await place.reader.read([...items.map((item) => item.keyText), absent], never);
      expect(new Map(texts)).toEqual(new Map(items.map((item) => [item.keyText, item.text])));
      expect(units).toBeGreaterThanOrEqual(230);
    });

    test('reads what was just written', async () => {
      await using place = await newReader();
      for (const body of ['1', '2', '3']) {
        const item = sampleItem('A', '1', body);
        await place.store([item]);
        expect((await place.reader.read([item.keyText], never)).texts.get(item.keyText)).toBe(item.text);
      }
    });

    test('more than an answer holds arrives all the same', async () => {
      await using place = await newReader();
      const items = sampleItems(45, 3, 'A', 'x'.repeat(390_000));
      await place.store(items);
      const { texts } = await place.reader.read(
        items.map((item) => item.keyText),
        never,
      );
      expect(texts.size).toBe(45);
    });

    test('no keys, no items; a key asked for twice is one item', async () => {
      await using place = await newReader();
      expect(await place.reader.read([], never)).toEqual({ texts: new Map(), units: 0 });
      const item = sampleItem('A', '1');
      await place.store([item]);
      expect((await place.reader.read([item.keyText, item.keyText], never)).texts.size).toBe(1);
    });

    test('an aborted signal and close() end reads as interrupted', async () => {
      await using place = await newReader();
      const keys = sampleItems(2000, 5).map((item) => item.keyText);
      await expect(place.reader.read(keys, AbortSignal.abort())).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
      const stop = new AbortController();
      const aborted = place.reader.read(keys, stop.signal);
      stop.abort();
      await expect(aborted).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
      const closed = place.reader.read(keys, never);
      const outcome = expect(closed).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
      await place.reader.close();
      await outcome;
      await expect(place.reader.read(keys, never)).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    });
  });
}
