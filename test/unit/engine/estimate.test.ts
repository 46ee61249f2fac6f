import { describe, expect, test } from 'vitest';
import { estimateTable } from '../../../src/engine/estimate.js';
import { TTL_IGNORED_AFTER_SECONDS } from '../../../src/mapping/ttl.js';
import { EXPIRING, jobOf, mappingOf, rowAtHand } from './rows-at-hand.js';

const NOW = 1_800_000_000;

describe('estimateTable', () => {
  const mapping = mappingOf();
  /** An item has the keys `pk` and `sk` and an attribute `n`: two texts of that length, and eleven bytes beside. */
  const sized = (bytes: number, id = 1) => rowAtHand(mapping, id, 'x'.repeat((bytes - 11) / 2));

  test('estimateTable projects sizes, units and time of the sample to all rows', () => {
    const sample = [sized(101), sized(1025, 2), sized(2_049, 3), sized(201, 4)];
    expect(estimateTable(jobOf(mapping), { count: 7, rows: 1_000 }, sample, 2, 60, NOW)).toEqual({
      table: 'messages',
      scanKey: 'PRIMARY',
      ranges: 7,
      estimatedRows: 1_000,
      sampledRows: 4,
      itemsPerRow: 1,
      averageItemBytes: 844,
      largestItemBytes: 2_049,
      // 1 + 2 + 3 + 1 units of the table, twice with an index, a quarter of it a row.
      estimatedUnits: 3_500,
      estimatedSeconds: 59,
      badRowsInSample: 0,
      badReasons: [],
      expiredInSample: 0,
      pastInSample: 0,
      neverExpiringInSample: 0,
    });
  });

  test('estimateTable lets a sample of one row stand for all of them', () => {
    expect(estimateTable(jobOf(mapping), { count: 1, rows: 10 }, [sized(1_025)], 1, 5, NOW)).toMatchObject({
      sampledRows: 1,
      itemsPerRow: 1,
      estimatedUnits: 20,
    });
  });

  test('estimateTable gives zeros for an empty sample, without a division by zero', () => {
    expect(estimateTable(jobOf(mapping, [], null), { count: 1, rows: 10 }, [], 1, 5, NOW)).toMatchObject({
      scanKey: null,
      sampledRows: 0,
      itemsPerRow: 0,
      averageItemBytes: 0,
      largestItemBytes: 0,
      estimatedUnits: 0,
      estimatedSeconds: 0,
    });
  });

  test('estimateTable counts bad rows as part of the sample, not of the items, and gives each reason once', () => {
    const sample = [sized(101), rowAtHand(mapping, 2, ''), rowAtHand(mapping, 3, ''), sized(101, 4)];
    const estimate = estimateTable(jobOf(mapping), { count: 1, rows: 100 }, sample, 1, 10, NOW);
    expect(estimate).toMatchObject({ badRowsInSample: 2, itemsPerRow: 0.5, estimatedUnits: 50, averageItemBytes: 101 });
    expect(estimate.badReasons.length).toBe(1);
  });

  test('estimateTable distinguishes expired rows from items that are too old ever to expire', () => {
    const skipping = mappingOf({ ttl: EXPIRING });
    const skipped = [rowAtHand(skipping, 1, 'x', NOW - 1), rowAtHand(skipping, 2, 'x', NOW + 1)];
    expect(estimateTable(jobOf(skipping), { count: 1, rows: 2 }, skipped, 1, 1, NOW)).toMatchObject({
      expiredInSample: 1,
      neverExpiringInSample: 0,
    });
    const keeping = mappingOf({ ttl: { ...EXPIRING, expired: 'keep' } });
    const edge = NOW - TTL_IGNORED_AFTER_SECONDS;
    const kept = [edge - 1, edge, NOW - 1].map((at, id) => rowAtHand(keeping, id, 'x', at));
    expect(estimateTable(jobOf(keeping), { count: 1, rows: 3 }, kept, 1, 1, NOW)).toMatchObject({
      expiredInSample: 0,
      neverExpiringInSample: 1,
    });
  });

  test('estimateTable throws an error that is not a bad value', () => {
    const broken = {
      ...jobOf(mapping),
      mapping: Object.assign(Object.create(mapping) as typeof mapping, { map: fail }),
    };
    expect(() => estimateTable(broken, { count: 1, rows: 1 }, [sized(101)], 1, 1, NOW)).toThrow('the mapping broke');
  });
});

function fail(): never {
  throw new Error('the mapping broke');
}
