/** Limits that change during a run have the bounds of the file, and what the file refuses between settings. */
import { describe, expect, test } from 'vitest';
import { checkedBudget, checkedLimits } from '../../../src/config/live-limits.js';
import { Tunables, type Limits } from '../../../src/config/tunables.js';
import { loadRight, rightConfig } from './config-file.js';

const config = await loadRight(rightConfig());
const { now } = new Tunables(config);

const refusal = (changes: unknown, kept: number | null = null): unknown => {
  try {
    return checkedLimits(changes, now, { attribute: 'v', tombstoneRetentionSeconds: kept });
  } catch (error) {
    return error;
  }
};

describe('changed limits', () => {
  test('a change of all limits passes within their bounds', () => {
    const highest: Limits = {
      ...{ scansPerServer: 256, chunkMs: 60_000, chunkRows: 1_000_000, chunkBytes: 2 ** 30 },
      ...{ maxReplicaLagSeconds: 86_400, maxThreadsRunning: 100_000, maxPauseSeconds: 604_800 },
      ...{ sourcePatienceSeconds: 86_400, maxInFlightRequests: 1_024, targetPatienceSeconds: 86_400, everyEvent: true },
    };
    expect(checkedLimits(highest, now, null)).toEqual(highest);
    expect(checkedLimits({}, now, null)).toEqual({});
  });

  test.each(Object.entries(now).flatMap(([name, value]) => (typeof value === 'number' ? [name] : [])))(
    'a change of the limit %s is refused at 0, beyond its bound, as a fraction and as a text',
    (name) => {
      for (const value of [0, 2 ** 31, 1.5, '7', null, NaN]) {
        expect(refusal({ [name]: value })).toMatchObject({
          code: 'E_LIMIT_INVALID',
          message: expect.stringMatching(new RegExp(`^${name} must be a whole number from \\d+ to \\d+$`)) as string,
        });
      }
    },
  );

  test('a change of limits is refused for an unknown name, a wrong type, and anything but an object', () => {
    expect(refusal({ chunkMz: 7 })).toMatchObject({ code: 'E_LIMIT_INVALID', hint: 'did you mean "chunkMs"?' });
    expect(refusal({ everyEvent: 1 })).toMatchObject({ message: 'everyEvent must be true or false' });
    for (const changes of [null, 7, [], 'chunkMs'])
      expect(refusal(changes)).toMatchObject({ code: 'E_LIMIT_INVALID', message: /given as an object/ });
  });

  test('a change of limits is refused where a deleted item could come back under it', () => {
    // 300 s of patience, 5 minutes of margin, 20 minutes of late writes, and the lag.
    const kept = 300 + 300 + 1_200 + 60;
    expect(refusal({ maxReplicaLagSeconds: 60 }, kept)).toEqual({ maxReplicaLagSeconds: 60 });
    expect(refusal({ maxReplicaLagSeconds: 61 }, kept)).toMatchObject({
      code: 'E_LIMIT_INVALID',
      message: expect.stringContaining(`at least ${kept + 1} s`) as string,
    });
    expect(refusal({ targetPatienceSeconds: 351 }, kept)).toMatchObject({ code: 'E_LIMIT_INVALID' });
  });

  test('checkedBudget has the bounds of writeCapacity', () => {
    expect(checkedBudget(1)).toBe(1);
    for (const units of [0, -1, 1.5, Infinity, 10_000_001, '7', undefined])
      expect(() => checkedBudget(units)).toThrow(expect.objectContaining({ code: 'E_LIMIT_INVALID' }) as Error);
  });
});

describe('Tunables', () => {
  test('Tunables changes the limits for everybody who holds them, and leaves the config as it is', () => {
    const tunables = new Tunables(config, { scansPerServer: 2, everyEvent: false });
    const { source, target } = tunables;
    tunables.set({ chunkMs: 7, sourcePatienceSeconds: 8, targetPatienceSeconds: 9, maxInFlightRequests: 10 });
    tunables.set({ everyEvent: true });
    expect(source).toMatchObject({ chunkMs: 7, retryTimeoutSeconds: 8, scansPerServer: 2 });
    expect(target).toEqual({ maxInFlightRequests: 10, retryTimeoutSeconds: 9 });
    expect(tunables.now).toEqual({
      ...now,
      ...{ scansPerServer: 2, chunkMs: 7, sourcePatienceSeconds: 8, targetPatienceSeconds: 9, maxInFlightRequests: 10 },
      everyEvent: true,
    });
    expect(config.source.limits.chunkMs).not.toBe(7);
  });

  test('Tunables remembers the highest replica lag, under which waiting rows may have been read', () => {
    const tunables = new Tunables(config);
    tunables.set({ maxReplicaLagSeconds: 500 });
    tunables.set({ maxReplicaLagSeconds: 1 });
    expect(tunables.mostReplicaLagSeconds).toBe(500);
  });
});
