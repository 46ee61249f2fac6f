import { describe, expect, it } from 'vitest';
import type { Row } from '../../../src/core/model.js';
import { cellOf, RowBlock, RowBlockBuilder, RowMemoryPool, type Transport } from '../../../src/core/row-block.js';

const TRANSPORTS: readonly Transport[] = ['text', 'bytes', 'ascii'];
const ROWS: readonly Row[] = [
  ['', Buffer.alloc(0), 'a'],
  [null, null, null],
  ['Zoë 👋', Buffer.from([0xff, 0, 0x80]), '~\u007f'],
];

describe('RowBlock', () => {
  it('RowBlock gives back the cells that it was made of', () => {
    const block = RowBlock.of(ROWS, TRANSPORTS);
    expect(block).toHaveLength(3);
    expect([...block]).toEqual(ROWS);
    expect(block.map((row) => row[0])).toEqual(['', null, 'Zoë 👋']);
    expect([block.at(0), block.at(-1), block.at(3), block.at(-4)]).toEqual([ROWS[0], ROWS[2], undefined, undefined]);
  });

  it('RowBlock compares a cell of two of its rows', () => {
    const texts = ['ab', 'ab', 'ac', 'a', null, null, ''];
    const block = RowBlock.of(
      texts.map((text) => ['x', text, text === null ? null : `${text}y`]),
      ['text', 'bytes', 'ascii'],
    );
    for (const [a, text] of texts.entries()) {
      for (const [b, other] of texts.entries()) {
        expect([a, b, block.equal(0, a, b), block.equal(1, a, b), block.equal(2, a, b)]).toEqual([
          ...[a, b, true],
          ...[text === other, text === other],
        ]);
      }
    }
  });

  it('RowBlockBuilder grows, and leaves the blocks before it as they were', () => {
    const builder = new RowBlockBuilder(['text'], new RowMemoryPool());
    const rows = (letter: string): Row[] =>
      Array.from({ length: 9_000 }, (_, i) => [`${letter}${i}`.padEnd(40, letter)]);
    const blocks = ['a', 'b'].map((letter) => {
      for (const row of rows(letter)) builder.add(row);
      return builder.finish();
    });
    expect(blocks.map((block) => [...block])).toEqual([rows('a'), rows('b')]);
    builder.add(['dropped']);
    builder.clear();
    expect(builder.finish()).toHaveLength(0);
  });
});

describe('a released RowBlock', () => {
  it('a released RowBlock throws where a row is read, and gives its memory to the next block once', () => {
    const builder = new RowBlockBuilder(['text'], new RowMemoryPool());
    builder.add(['first']);
    const first = builder.finish();
    const { bytes } = first;
    first.release();
    first.release();
    expect([first.length, first.released]).toEqual([0, true]);
    const reads = [() => first.at(0), () => [...first], () => first.map(String), () => first.cell(0, 0)];
    for (const read of [...reads, () => first.equal(0, 0, 1)]) {
      expect(read).toThrow(expect.objectContaining({ code: 'E_INTERNAL' }));
    }
    for (const text of ['second', 'third']) builder.add([text]);
    const second = builder.finish();
    expect(second.bytes).toBe(bytes);
    expect([...second]).toEqual([['second'], ['third']]);
    builder.add(['fourth']);
    // Given back once, though it was released twice.
    expect(builder.finish().bytes).not.toBe(bytes);
  });

  it('RowBlock keeps the last byte of a row that fills its room, or is one byte longer', () => {
    for (const beyond of [-1, 0, 1]) {
      const rows = [['x'.repeat(64 * 1024 - 9)], ['y'.repeat(9 + beyond)]];
      // Compared here: a report of 64 KB helps nobody.
      const block = RowBlock.of(rows, ['text']);
      expect(rows.map(([cell], row) => block.cell(row, 0) === cell)).toEqual([true, true]);
    }
  });
});

it('a cell that somebody kept outlives its RowBlock', () => {
  const builder = new RowBlockBuilder(['bytes', 'text'], new RowMemoryPool());
  builder.add([Buffer.from([1, 2, 3]), Buffer.from([0xff])]);
  const block = builder.finish();
  const kept = block.at(0);
  block.release();
  builder.add([Buffer.from([7, 7, 7]), '7']);
  expect([...builder.finish()]).toHaveLength(1);
  expect(kept).toEqual([Buffer.from([1, 2, 3]), Buffer.from([0xff])]);
});

describe('cells of a RowBlock', () => {
  const read = (transport: Transport, ...bytes: number[]) =>
    cellOf(Buffer.from([1, ...bytes, 1]), 1, bytes.length + 1, transport);

  it('RowBlock reads a cell as text where its bytes are UTF-8, the replacement character included', () => {
    expect(read('text', 0x41, 0xc3, 0xa9)).toBe('Aé');
    expect(read('text', 0xef, 0xbf, 0xbd)).toBe('\uFFFD');
  });

  it('RowBlock leaves a cell as bytes where they are not UTF-8', () => {
    // Half of a surrogate pair, a byte alone, a sequence cut off.
    for (const bytes of [[0xed, 0xa0, 0x80], [0xff], [0xe4, 0xbd], [0xef, 0xbf, 0xbd, 0xff]])
      expect(read('text', ...bytes)).toEqual(Buffer.from(bytes));
  });

  it('RowBlock reads a cell of an ASCII column as text up to 127, and one of a binary column never', () => {
    expect(read('ascii', 0x41, 0x7f)).toBe('A\u007f');
    expect(read('ascii', 0xc3, 0xa9)).toEqual(Buffer.from([0xc3, 0xa9]));
    expect(read('bytes', 0x41)).toEqual(Buffer.from([0x41]));
  });
});
