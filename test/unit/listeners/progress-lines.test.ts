import { describe, expect, test } from 'vitest';
import { NO_COUNTS } from '../../../src/core/model.js';
import { progressLines } from '../../../src/listeners/progress-lines.js';
import { snapshot } from './fake-stream.js';

const SHARDS = [
  { shard: 's01', progress: snapshot() },
  {
    shard: 'shard-02',
    progress: snapshot({
      phase: 'verifying',
      counts: { ...NO_COUNTS, rows: 8_999_999, badRows: 3 },
      throttles: 12,
      unitsPerSecond: 24_999,
      etaSeconds: null,
    }),
  },
  { shard: 's03', progress: null },
];

describe('progressLines', () => {
  test.each([
    [
      120,
      [
        's01      backfill messages [#............]  13.7%    1.2M/~9M 12.3k items/s   980/25k WCU ETA 2h 03m',
        'shard-02 verify   messages [############.]  99.9%      9M/~9M 12.3k items/s   25k/25k RCU ETA -      bad 3 throttled 12',
        's03      starting',
      ],
    ],
    [
      80,
      [
        's01       13.7%    1.2M/~9M 12.3k items/s   980/25k WCU ETA 2h 03m',
        'shard-02  99.9%      9M/~9M 12.3k items/s   25k/25k RCU ETA -      bad 3',
        's03      starting',
      ],
    ],
    [40, ['s01       13.7% 12.3k items/s', 'shard-02  99.9% 12.3k items/s', 's03      starting']],
  ])('progressLines fits its lines to %d columns', (columns, lines) => {
    expect(progressLines(SHARDS, columns)).toEqual(lines);
  });

  test('progressLines never reaches the last column, and always names the shard', () => {
    for (let columns = 10; columns <= 200; columns += 1) {
      for (const [index, line] of progressLines(SHARDS, columns).entries()) {
        expect(line.length).toBeLessThan(columns);
        expect(line.startsWith(SHARDS[index]?.shard ?? '')).toBe(true);
      }
    }
  });

  test('progressLines keeps the columns of all shards in line', () => {
    for (let columns = 40; columns <= 200; columns += 1) {
      const [first = '', second = ''] = progressLines(SHARDS, columns);
      expect(second.indexOf('%')).toBe(first.indexOf('%'));
      expect(second.indexOf('items/s')).toBe(first.indexOf('items/s'));
    }
  });

  test('progressLines fills a bar with the share', () => {
    const half = snapshot({ counts: { ...NO_COUNTS, rows: 4_500_000 } });
    expect(progressLines([{ shard: 's01', progress: half }], 200)[0]).toContain(`[${'#'.repeat(15)}${'.'.repeat(15)}]`);
  });

  test('progressLines makes no lines without shards', () => {
    expect(progressLines([], 80)).toEqual([]);
  });
});
