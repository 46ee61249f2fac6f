import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ItemBuffer, literal } from '../../../src/mapping/item-buffer.js';
import { holds } from './seeded.js';

const written = (out: ItemBuffer): string => out.buffer.toString('utf8', out.start, out.at);

describe('a buffer of items', () => {
  it('writes one item behind the other, each within braces', () => {
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

  it('takes an item along when it goes on in another buffer, and leaves the finished ones alone', () => {
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

  it('forgets an item that was given up', () => {
    const out = new ItemBuffer();
    out.begin();
    out.ascii(',1');
    out.abandon();
    out.begin();
    out.ascii(',2');
    out.end();
    expect(written(out)).toBe('{2}');
  });

  it('escapes as JSON.stringify does, and says what is ASCII', () => {
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
      expect(`"${written(out)}"`).toBe(JSON.stringify(text));
      expect(ascii).toBe(!/[^\0-\x7f]/.test(text));
    });
  });
});
