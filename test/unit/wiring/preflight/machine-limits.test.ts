import { describe, expect, test } from 'vitest';
import type { Config } from '../../../../src/config/model.js';
import type { Limits } from '../../../../src/config/tunables.js';
import { checkMachineAllows, machineFindings } from '../../../../src/wiring/preflight/machine-limits.js';

const MEBIBYTE = 2 ** 20;
const config = {
  source: {
    shards: [
      { host: 'db1', port: 3306, replicas: [] },
      { host: 'db2', port: 3306, replicas: [{}, {}] },
    ],
    limits: { scansPerServer: 4, chunkBytes: 4 * MEBIBYTE },
  },
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

  test('machineFindings counts chunks that are larger than usual, and names the limits that make them so', () => {
    const large = {
      ...config,
      source: { ...config.source, limits: { ...config.source.limits, chunkBytes: 64 * MEBIBYTE } },
    };
    const [found, ...more] = machineFindings(large, 2, ENOUGH);
    expect(more).toEqual([]);
    expect(found?.message).toMatch(/may have 4096 MiB of memory, and 2 shards at once take about 4490 MiB/);
    expect(found?.hint).toMatch(/`--jobs 1`\), lower `source.limits.chunkBytes`/);
  });

  test('machineFindings asks for one shard at a time where not even that fits', () => {
    expect(machineFindings(config, 1, { ...ENOUGH, memory: 100 * MEBIBYTE })[0]?.hint).toContain('`--jobs 1`');
  });
});

describe('checkMachineAllows', () => {
  const now = { scansPerServer: 4, chunkBytes: 4 * MEBIBYTE, maxInFlightRequests: 32 } as Limits;
  const check = (changes: Partial<Limits>, little: Partial<typeof ENOUGH> = {}, from = now): void =>
    checkMachineAllows(changes, from, { config, jobs: 2 }, { ...ENOUGH, ...little });
  const refusal = (message: RegExp, hint: RegExp): Error =>
    expect.objectContaining({
      code: 'E_LIMIT_INVALID',
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    }) as Error;

  test('a change of limits is refused where a shard would need more open files than the machine allows', () => {
    const files = refusal(
      /^a process may open 1024 files, and with these limits a shard needs about 1081$/,
      /^the run goes on with .* maxInFlightRequests and scansPerServer may be 971 together\. For more, .*`ulimit -n`/,
    );
    expect(() => check({ maxInFlightRequests: 1_024 })).toThrow(files);
    check({ maxInFlightRequests: 967 });
    expect(() => check({ maxInFlightRequests: 968 })).toThrow();
    expect(() => check({ maxInFlightRequests: 900, scansPerServer: 256 })).toThrow();
    check({ maxInFlightRequests: 1_024 }, { openFiles: null as unknown as number });
  });

  test('a change of limits is refused where its chunks would need more memory than the machine allows', () => {
    const memory = refusal(
      /^this process may have 4096 MiB of memory, and with these limits 2 shards at once take about 4490 MiB$/,
      /^the run goes on with .*: with scansPerServer 4, chunkBytes may be 60653568$/,
    );
    expect(() => check({ chunkBytes: 64 * MEBIBYTE })).toThrow(memory);
    check({ chunkBytes: 60_653_568 });
    expect(() => check({ chunkBytes: 60_653_569 })).toThrow();
    expect(() => check({ scansPerServer: 64 })).toThrow();
  });

  test('a change of limits that needs no more than before passes on a machine that allows less', () => {
    const before = { ...now, maxInFlightRequests: 1_024, chunkBytes: 1_024 * MEBIBYTE };
    check({ maxInFlightRequests: 1_000, chunkBytes: 512 * MEBIBYTE, chunkMs: 7 }, {}, before);
    check({ chunkMs: 7, everyEvent: true, maxThreadsRunning: 100_000 }, { memory: MEBIBYTE, openFiles: 10 });
  });
});
