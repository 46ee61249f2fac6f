import { expect, it } from 'vitest';
import { RowBlockBuilder, RowMemoryPool } from '../../../../src/core/row-block.js';
import { appendRow } from '../../../../src/mysql/connection/row-packet.js';

/** MySQL, "Protocol::LengthEncodedInteger". */
function lengthOf(bytes: number): Buffer {
  if (bytes < 0xfb) return Buffer.from([bytes]);
  const encoded = Buffer.alloc(bytes < 0x1_0000 ? 3 : bytes < 0x100_0000 ? 4 : 9);
  encoded[0] = encoded.length === 3 ? 0xfc : encoded.length === 4 ? 0xfd : 0xfe;
  encoded.writeUIntLE(bytes, 1, Math.min(encoded.length - 1, 6));
  return encoded;
}

function packetOf(cells: readonly (string | null)[]): Buffer {
  return Buffer.concat(
    cells.flatMap((cell) => (cell === null ? [Buffer.from([0xfb])] : [lengthOf(cell.length), Buffer.from(cell)])),
  );
}

it('appendRow reads NULL, and cells with a length of every width', () => {
  const rows = [
    ['', null, 'x'.repeat(250)],
    ['x'.repeat(251), 'y'.repeat(0xffff), null],
    ['z'.repeat(0x1_0000), 'z'.repeat(0x100_0000), 'end'],
  ];
  const block = new RowBlockBuilder(['text', 'text', 'ascii'], new RowMemoryPool());
  for (const row of rows) {
    const packet = packetOf(row);
    const framed = Buffer.concat([Buffer.from('head'), packet, Buffer.from('tail')]);
    const weight = row.reduce((sum, cell) => sum + (cell?.length ?? 0), 0);
    expect(appendRow(block, framed, 4, 4 + packet.length)).toBe(weight);
  }
  const read = [...block.finish()];
  // Compared here: a report of 16 MB helps nobody.
  expect(rows.map((row, i) => row.every((cell, j) => read[i]?.[j] === cell))).toEqual([true, true, true]);
});
