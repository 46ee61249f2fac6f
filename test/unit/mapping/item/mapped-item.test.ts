/** An item of a chunk that was released: its bytes may be another item's by now. */
import { expect, test } from 'vitest';
import type { MappedItem } from '../../../../src/core/model.js';
import { mapChunk } from '../../../../src/engine/pass/map-chunk.js';
import { chunkOf, cursorOf, mappingOf, rowAtHand, scannedJob } from '../../engine/rows-at-hand.js';

const READS = {
  text: (item: MappedItem) => item.text,
  keyText: (item: MappedItem) => item.keyText,
  row: (item: MappedItem) => item.row,
  cell: (item: MappedItem) => item.cell(0),
};

test.each(Object.entries(READS))(
  '%s of a MappedItem is there until its chunk is released, and throws then',
  (_, read) => {
    const mapping = mappingOf();
    const rows = [rowAtHand(mapping, 1)];
    const chunk = chunkOf(mapping, rows, cursorOf(1));
    const [item] = mapChunk(scannedJob(mapping, rows, 1), chunk, 0).items;
    if (item === undefined) throw new Error('the row maps to no item');
    expect(read(item)).toBeTruthy();
    chunk.rows.release();
    expect(() => read(item)).toThrow(expect.objectContaining({ code: 'E_INTERNAL' }));
  },
);
