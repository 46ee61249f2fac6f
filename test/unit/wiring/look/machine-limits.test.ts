import { describe, expect, test } from 'vitest';
import type { Config } from '../../../../src/config/model.js';
import { machineFindings } from '../../../../src/wiring/look/machine-limits.js';

const MEBIBYTE = 2 ** 20;
const config = {
  source: { shards: [{ replicas: [] }, { replicas: [{}, {}] }], limits: { scansPerServer: 4 } },
  target: { maxInFlightRequests: 32 },
} as unknown as Config;
const ENOUGH = { memory: 4_096 * MEBIBYTE, openFiles: 1_024, processes: 1_000 };

describe('machineFindings', () => {
  test('machineFindings says nothing where all is enough, or the machine does not say', () => {
    expect(machineFindings(config, 8, ENOUGH)).toEqual([]);
    expect(machineFindings(config, 8, { ...ENOUGH, openFiles: null, processes: null })).toEqual([]);
  });

  test.each([
    [
      'memory',
      { memory: 1_024 * MEBIBYTE },
      /may have 1024 MiB of memory, and 8 shards at once take about 1850 MiB/,
      /`--jobs 3`/,
    ],
    ['files', { openFiles: 64 }, /may open 64 files, and the config needs about 89/, /ulimit -n/],
    ['processes', { processes: 50 }, /50 more processes and threads .* about 96/, /ulimit -u/],
  ] as const)('machineFindings warns of too little %s, with what to do', (_, little, fact, next) => {
    const findings = machineFindings(config, 8, { ...ENOUGH, ...little });
    expect(findings).toMatchObject([{ level: 'warning', code: 'E_MACHINE_LIMITS' }]);
    expect(findings[0]?.message).toMatch(fact);
    expect(findings[0]?.hint).toMatch(next);
  });

  test('machineFindings asks for one shard at a time where not even that fits', () => {
    expect(machineFindings(config, 1, { ...ENOUGH, memory: 100 * MEBIBYTE })[0]?.hint).toContain('`--jobs 1`');
  });
});
