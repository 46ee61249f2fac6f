import { describe, expect, it } from 'vitest';
import { BadRowLimit } from '../../../../src/engine/pass/bad-row-limit.js';

describe('BadRowLimit', () => {
  it('BadRowLimit lets as many bad rows pass as it allows, and not one more', () => {
    const limit = new BadRowLimit('s01', 3, 0);
    limit.add(2);
    limit.add(1);
    expect(() => limit.add(1)).toThrow(
      expect.objectContaining({
        code: 'E_BAD_ROWS',
        exitCode: 1,
        message: 'shard s01: 4 bad rows so far; --max-bad-rows allows 3',
      }),
    );
  });

  it('BadRowLimit of zero allows no bad row', () => {
    const limit = new BadRowLimit('s01', 0, 0);
    expect(() => limit.add(0)).not.toThrow();
    expect(() => limit.add(1)).toThrow(expect.objectContaining({ code: 'E_BAD_ROWS' }));
  });

  it('BadRowLimit counts the bad rows of earlier runs of the same backfill', () => {
    const limit = new BadRowLimit('s01', 5, 5);
    expect(() => limit.add(0)).not.toThrow();
    expect(() => limit.add(1)).toThrow(expect.objectContaining({ code: 'E_BAD_ROWS' }));
  });
});
