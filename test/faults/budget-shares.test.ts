/**
 * Several shard processes share one budget; what one leaves, by its end or by SIGKILL, the others have soon. An
 * on-demand table begins with what it is warm for.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { type FaultPlan, type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { warmTable } from '../support/fault-proxy/plans.js';
import { createMigration, onePair, type ConfigDocument } from '../support/migration.js';

/** Write units a second: one for each row here. */
const BUDGET = 300;
/** The first shard ends soon; the others have more than this test waits for. */
const ROWS = [150, 6_000, 6_000];
const SECOND = 1_000;
/**
 * What a shard leaves, the others have within two seconds, and tell within another one. That is counted by what each of
 * them tells, once a second: on a machine that lets nobody run in time, they tell less often too. Twice as often, where
 * it is unfair.
 */
const SOON_SECONDS = 3;
const USED_SECONDS = 5;
/** For what is measured otherwise, or has no limit of its own. */
const PATIENCE_MS = 30_000;
/** Of the budget: what is left out keeps ten seconds within it. */
const SHARED_OUT = 0.995;

const rows = (shard: number): readonly string[] => [
  'CREATE TABLE events (account INT NOT NULL, id INT NOT NULL, PRIMARY KEY (account, id))',
  `INSERT INTO events VALUES ${Array.from({ length: ROWS[shard] ?? 0 }, (_, i) => `(${shard * 1000 + (i % 200)}, ${i})`).join()}`,
];

const config = (document: ConfigDocument): void => {
  document.source.table = { name: 'events', shardedBy: 'account' };
  document.target['writeCapacity'] = BUDGET;
  document.mapping = {
    events: {
      items: [
        {
          name: 'event',
          partitionKey: { name: 'pk', template: '{account:pad(10)}' },
          sortKey: { name: 'sk', template: '{id:pad(10)}' },
        },
      ],
    },
  };
};

/** Units a second that arrived between two times, in ms since the proxy started. */
function rate(proxy: FaultProxy, from: number, to: number): number {
  const arrived = proxy.requests.filter(({ at }) => at >= from && at < to);
  return arrived.reduce((sum, { entries }) => sum + entries.length, 0) / ((to - from) / SECOND);
}

/**
 * The most units a second over `USED_SECONDS` between two times; 0 where there are not so many. Without what an ended
 * shard left, the others have two thirds of the budget, and a second's worth of that saved up: 0.8 of it over five
 * seconds.
 */
function best(proxy: FaultProxy, from: number, to: number): number {
  const last = to - USED_SECONDS * SECOND;
  const starts = [from, ...proxy.requests.map(({ at }) => at)].filter((at) => at >= from && at <= last);
  return Math.max(0, ...starts.map((at) => rate(proxy, at, at + USED_SECONDS * SECOND)));
}

function mostInTenSeconds(proxy: FaultProxy): number {
  const starts = proxy.requests.map(({ at }) => at);
  return Math.max(...starts.map((at) => rate(proxy, at, at + 10 * SECOND)));
}

describe.each(onePair)('one budget for all shards: $name', { timeout: 120_000 }, (servers) => {
  it('shards that remain share out the budget of a shard that ended or was killed', async () => {
    await using migration = await createMigration({ servers, shards: 3, rows, config });
    const begun = performance.now();
    const delays = monitorEventLoopDelay();
    delays.enable();
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'pass' }));
    const now = (): number => performance.now() - begun;
    await using cli = await migration.spawn(['backfill', '--all', '--jobs', '3', '--json'], {
      env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint },
    });
    const log = (): string => cli.stderr;
    /** What is left of the shards have the whole, soon, and use it. */
    const goesTo = async (shards: readonly string[], since: number): Promise<void> => {
      const told = (SHARED_OUT * BUDGET) / shards.length;
      const limits = (shard: string): readonly number[] => limitsTold(log().slice(since), shard);
      await expect
        .poll(() => shards.every((shard) => limits(shard).includes(told)), { timeout: PATIENCE_MS })
        .toBe(true);
      for (const shard of shards) expect(limits(shard).indexOf(told), shard).toBeLessThan(2 * SOON_SECONDS);
      const start = now();
      await expect.poll(() => best(proxy, start, now()), { timeout: PATIENCE_MS }).toBeGreaterThan(0.9 * BUDGET);
    };

    await cli.waitFor(/"event":"shard.finished".*"shard":"s01"/);
    await goesTo(['s02', 's03'], log().length);

    const pid = /"event":"shard.started".*"shard":"s02".*"pid":(\d+)/.exec(cli.stderr)?.[1];
    process.kill(Number(pid), 'SIGKILL');
    await goesTo(['s03'], log().length);
    // What arrives while this process has no turn is seen at once when it has one: that much more than ten seconds'
    // worth.
    delays.disable();
    const unseenSeconds = delays.max / 1e9;
    expect(mostInTenSeconds(proxy)).toBeLessThanOrEqual(1.01 * BUDGET * (1 + unseenSeconds / 10));
    // What shards tell of it is what the table consumed, by parts of chunks: the ramp of an on-demand table goes by
    // that too.
    expect(Math.max(...told(cli.stderr, 'unitsPerSecond'))).toBeGreaterThan(BUDGET / 4);
    cli.killGroup('SIGKILL');
  });

  it('two concurrent runs share one budget, and the second takes over what the first one has given up', async () => {
    await using migration = await createMigration({ servers, shards: 3, rows, config });
    const limit = (units: number): RegExp => new RegExp(`"event":"shard.progress".*"unitsLimit":${units},`);
    const [whole, half] = [limit(SHARED_OUT * BUDGET), limit((SHARED_OUT * BUDGET) / 2)];
    await using first = await migration.spawn(['backfill', '--shard', 's02', '--json']);
    await first.waitFor(whole);
    await using second = await migration.spawn(['backfill', '--shard', 's03', '--json']);
    await second.waitFor(half);
    expect(first.stderr).toMatch(half);
    expect(second.stderr).not.toMatch(whole);
    first.killGroup('SIGKILL');
    await second.waitFor(whole);
    second.killGroup('SIGKILL');
  });

  it.each<{ table: string; control: FaultPlan; units: number }>([
    { table: 'says what it is warm for', control: warmTable(100), units: 100 },
    { table: 'does not say it', control: () => ({ kind: 'pass' }), units: 4_000 },
  ])('a backfill starts with the budget that its table takes at once, where it $table', async ({ control, units }) => {
    await using migration = await createMigration({ servers, shards: 3, rows, config });
    migration.configure(({ target }) => (target['writeCapacity'] = 10_000));
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'pass' }), undefined, {
      control,
    });
    await using cli = await migration.spawn(['backfill', '--shard', 's02', '--shard', 's03', '--jobs', '2', '--json'], {
      env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint },
    });
    const half = new RegExp(`"event":"shard.progress","shard":"s03".*"unitsLimit":${(SHARED_OUT * units) / 2},`);
    await cli.waitFor(half);
    expect(Math.max(...told(cli.stderr, 'unitsLimit'))).toBeLessThanOrEqual(units);
    cli.killGroup('SIGKILL');
  });
});

/** Units a second that a shard may use, as it said once a second. */
function limitsTold(log: string, shard: string): readonly number[] {
  return told(log.match(new RegExp(`"shard.progress","shard":"${shard}".*`, 'g'))?.join('\n') ?? '', 'unitsLimit');
}

/** Units a second that shards said they use, or may use. */
function told(log: string, what: 'unitsPerSecond' | 'unitsLimit'): readonly number[] {
  return Array.from(log.matchAll(new RegExp(`"${what}":([\\d.]+)`, 'g')), ([, units]) => Number(units));
}
