import { describe, expect, test } from 'vitest';
import { openStateStore } from '../../../src/state/open.js';
import { temporaryFolder } from '../../support/temporary.js';
import { allLines, startScript } from './child-script.js';

function stored(folder: string) {
  const store = openStateStore({ folder, shard: 's01', create: false });
  try {
    const pass = store.openPass('backfill', 'messages');
    return {
      chunks: store.summary('backfill', 'messages')?.counts.chunks ?? 0,
      rows: store.summary('backfill', 'messages')?.counts.rows,
      watermark: store.progress(pass)[0]?.watermark,
      badRows: store.badRows('messages').length,
    };
  } finally {
    store.close();
  }
}

describe('kill -9', () => {
  test('right after a commit was reported: exactly the reported commits are there', async () => {
    await using folder = await temporaryFolder();
    let reported = 0;
    for (const count of [1, 17, 40]) {
      await using child = startScript('commit-chunks', [folder.path, 's01', String(count)]);
      const lines = await allLines(child);
      expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
      reported += count;
      expect(lines.at(-1)).toBe(String(reported));
      expect(stored(folder.path)).toEqual({
        chunks: reported,
        rows: 10 * reported,
        watermark: String(reported),
        badRows: reported,
      });
    }
  });

  test('at any moment: the reported commits are there, whole, and at most the one under way besides', async () => {
    await using folder = await temporaryFolder();
    for (let round = 0; round < 5; round++) {
      await using child = startScript('commit-chunks', [folder.path, 's01', '1000000']);
      const lines: (string | null)[] = [];
      while (lines.length < 5 + 20 * round) lines.push(await child.line());
      child.kill('SIGKILL');
      lines.push(...(await allLines(child)));
      const last = Number(lines.at(-1));
      const { chunks, rows, watermark, badRows } = stored(folder.path);
      expect([last, last + 1]).toContain(chunks);
      expect({ rows, watermark }).toEqual({ rows: 10 * chunks, watermark: String(chunks) });
      expect([chunks, chunks + 1]).toContain(badRows);
    }
  });
});
