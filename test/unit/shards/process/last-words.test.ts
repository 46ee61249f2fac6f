import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { LastWords } from '../../../../src/shards/process/last-words.js';

test('LastWords keeps of all stderr of a process the sentence by which V8 ends it', async () => {
  const stderr = new PassThrough();
  const lines: string[] = [];
  const words = new LastWords(stderr, (line) => lines.push(line));
  expect(words.fatal).toBeNull();
  for (let i = 0; i < 1_000; i++) stderr.write(`(node:1) warning ${i}\n`);
  stderr.write('\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n 1: 0xb7a 0x1\n');
  stderr.end();
  await new Promise((resolve) => stderr.once('close', resolve));
  expect(words.fatal).toBe('Reached heap limit Allocation failed - JavaScript heap out of memory');
  expect(lines).toHaveLength(1_002);
  expect(new LastWords(null, null).fatal).toBeNull();
});
