import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ItemBuffer } from '../../../../src/mapping/item/item-buffer.js';
import { ItemBufferPool } from '../../../../src/mapping/item/item-buffer-pool.js';
import { literal } from '../../../../src/mapping/item/literal.js';
import { amid, bufferWithRoom, NEIGHBOURS, writtenIn } from '../placed.js';
import { holds } from '../seeded.js';

describe('ItemBuffer', () => {
  it('ItemBuffer writes one item behind the other, each within braces', () => {
    const out = new ItemBuffer();
    const items = ['1', '22'].map((value) => {
      out.begin();
      out.literal(literal(',"é":'));
      out.ascii(value);
      out.end();
      return { buffer: out.buffer, start: out.start, end: out.at };
    });
    expect(items.map(({ buffer, start, end }) => buffer.toString('utf8', start, end))).toEqual(['{"é":1}', '{"é":22}']);
    expect(items[1]?.start).toBe(items[0]?.end);
  });

  it('ItemBuffer moves an open item along into another buffer, and leaves the finished ones alone', () => {
    const out = new ItemBuffer();
    const large = 'x'.repeat(100_000);
    const items = Array.from({ length: 7 }, (_, i) => {
      out.begin();
      out.ascii(`,${i}`);
      out.text(large);
      out.end();
      return { buffer: out.buffer, start: out.start, end: out.at };
    });
    expect(new Set(items.map(({ buffer }) => buffer)).size).toBeGreaterThan(1);
    for (const [i, { buffer, start, end }] of items.entries())
      expect(buffer.toString('utf8', start, end) === `{${i}${large}}`).toBe(true);
  });

  it.each<[string, (number: number) => string, number]>([
    ['times and numbers', (number) => `${new Date(1_767_323_045_678 + number * 137).toISOString()}#SM${number}`, 0.001],
    ['numbers', (number) => String(number), 0.01],
    // They differ in a few bits of their last words alone.
    ['numbers that are filled up with zeros', (number) => `AC${String(number).padStart(32, '0')}`, 0.3],
  ])('ItemBuffer hashes keys that follow one another so that few meet: %s', (_, keyOf, share) => {
    const out = new ItemBuffer();
    const hashes = new Set<number>();
    const count = 100_000;
    for (let number = 0; number < count; number += 1) {
      const key = keyOf(number);
      out.begin();
      out.ascii(key);
      hashes.add(out.hash(0, key.length, key.length));
      out.abandon();
    }
    expect(1 - hashes.size / count).toBeLessThan(share);
  });

  it('ItemBuffer forgets an item that was given up', () => {
    const out = new ItemBuffer();
    out.begin();
    out.ascii(',1');
    out.abandon();
    out.begin();
    out.ascii(',2');
    out.end();
    expect(writtenIn(out)).toBe('{2}');
    expect(out.start).toBe(0);
  });

  it('ItemBuffer gives its buffers to others, once, when its items are done with', () => {
    const pool = new ItemBufferPool();
    const first = new ItemBuffer(pool);
    first.begin();
    first.ascii(',1');
    first.end();
    const { buffer } = first;
    first.release();
    first.release();
    expect(first.buffer).toHaveLength(0);
    const [second, third] = [new ItemBuffer(pool), new ItemBuffer(pool)];
    for (const out of [second, third, first]) {
      out.begin();
      out.ascii(',2');
      out.end();
    }
    expect(second.buffer).toBe(buffer);
    expect(new Set([first.buffer, second.buffer, third.buffer]).size).toBe(3);
    expect([first, second, third].map(writtenIn)).toEqual(['{2}', '{2}', '{2}']);
  });

  it('ItemBuffer escapes as JSON.stringify does, and says what is ASCII', () => {
    const every = Array.from({ length: 0x250 }, (_, i) => String.fromCharCode(i)).join('');
    const texts = fc.oneof(
      fc.constant(every),
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.string({ minLength: 60 }),
    );
    holds(200, texts, (text) => {
      const out = new ItemBuffer();
      out.begin();
      const source = Buffer.from(`"${text}\n`);
      const ascii = out.escaped(source, 1, source.length - 1);
      expect(`"${writtenIn(out)}"`).toBe(JSON.stringify(text));
      expect(ascii).toBe(!/[^\0-\x7f]/.test(text));
    });
  });
});

describe('pieces of an item', () => {
  /**
   * Rich in what is escaped, in characters of every length of UTF-8, and around the length where copying changes its
   * way.
   */
  const units = fc.constantFrom('a', '"', '\\', '\u0000', '\u001f', ' ', '\u007f', 'é', '你', '👋', '\u2028');
  const texts = fc.oneof(
    fc.string({ unit: units, maxLength: 12 }),
    fc.string({ unit: units, minLength: 44, maxLength: 54 }),
  );
  const ascii = fc.oneof(
    fc.string({ unit: 'binary-ascii', maxLength: 12 }),
    fc.string({ unit: 'binary-ascii', minLength: 44, maxLength: 54 }),
  );
  const rooms = fc.nat({ max: 400 });

  /** What comes behind `{` where there is so much room in the buffer; the bytes counted as billed. */
  const pieceOf = (room: number, write: (out: ItemBuffer) => void): readonly [text: string, bytes: number] => {
    const out = bufferWithRoom(room);
    out.ascii('<');
    write(out);
    out.ascii('>');
    return [writtenIn(out), out.bytes];
  };

  it('ItemBuffer writes a piece of text in full, wherever the buffer ends', () => {
    holds(500, fc.tuple(texts, rooms, fc.constantFrom(...NEIGHBOURS)), ([text, room, neighbour]) => {
      const { source, from, to } = amid(text, neighbour);
      const quoted = JSON.stringify(text).slice(1, -1);
      expect(pieceOf(room, (out) => out.literal(literal(text)))).toEqual([`<${text}>`, 0]);
      expect(pieceOf(room, (out) => out.text(text))).toEqual([`<${text}>`, 0]);
      expect(pieceOf(room, (out) => out.copy(source, from, to))).toEqual([`<${text}>`, 0]);
      expect(pieceOf(room, (out) => void out.escaped(source, from, to))).toEqual([`<${quoted}>`, 0]);
      expect(pieceOf(room, (out) => out.quoted(text))).toEqual([`<${quoted}>`, Buffer.byteLength(text)]);
    });
    holds(300, fc.tuple(ascii, rooms), ([text, room]) => {
      expect(pieceOf(room, (out) => out.ascii(text))).toEqual([`<${text}>`, 0]);
      expect(pieceOf(room, (out) => out.quoted(text))).toEqual([`<${JSON.stringify(text).slice(1, -1)}>`, text.length]);
    });
  });

  it('ItemBuffer finds room for every character of the longest form', () => {
    for (const character of ['\u0000', '"', 'a', 'é', '你', '👋']) {
      const text = character.repeat(20);
      const { source, from, to } = amid(text, '0');
      const quoted = JSON.stringify(text).slice(1, -1);
      for (let room = 0; room <= 130; room += 1) {
        expect(pieceOf(room, (out) => out.text(text))[0]).toBe(`<${text}>`);
        expect(pieceOf(room, (out) => void out.escaped(source, from, to))[0]).toBe(`<${quoted}>`);
      }
    }
  });

  it('ItemBuffer writes a whole number by all its digits', () => {
    const tens = Array.from({ length: 16 }, (_, power) => 10 ** power);
    const edges = [0, 2 ** 53 - 1, ...tens.flatMap((ten) => [ten - 1, ten, ten + 1, 9 * ten])];
    const values = fc.oneof(fc.constantFrom(...edges, ...edges.map((edge) => 0 - edge)), fc.maxSafeInteger());
    holds(500, fc.tuple(values, fc.nat({ max: 20 })), ([value, room]) => {
      expect(pieceOf(room, (out) => out.whole(value))).toEqual([`<${value}>`, 0]);
    });
  });

  it('ItemBuffer ends an item at the very end of the buffer, and behind it', () => {
    for (const room of [1, 2, 3]) {
      const out = bufferWithRoom(room);
      out.ascii(',1');
      out.end();
      expect(writtenIn(out)).toBe('{1}');
    }
  });

  it('ItemBuffer gives a piece that is larger than a buffer one of its own', () => {
    const text = '"é'.repeat(200_000);
    expect(pieceOf(9, (out) => out.quoted(text))[0] === `<${JSON.stringify(text).slice(1, -1)}>`).toBe(true);
  });
});
