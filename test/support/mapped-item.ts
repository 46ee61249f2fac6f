/**
 * Makes the bytes of a mapped item from its text, with foreign bytes before and behind them, as other items stand
 * there.
 */
import type { MappedItem } from '../../src/core/model.js';

const NEIGHBOUR = '{"pk":{"S":"neighbour"}}';

export function bytesOf(text: string): Pick<MappedItem, 'buffer' | 'start' | 'end' | 'text'> {
  const start = Buffer.byteLength(NEIGHBOUR);
  const buffer = Buffer.from(NEIGHBOUR + text + NEIGHBOUR);
  return { buffer, start, end: buffer.length - start, text };
}
