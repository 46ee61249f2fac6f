/**
 * Several shard processes share one budget; what one leaves, by its end or by SIGKILL, the others have within two seconds. An on-demand
 * table begins with what it is warm for.
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

function mostInTenSeconds(proxy: FaultProxy): number {
  const starts = proxy.requests.map(({ at }) => at);
  return Math.max(...starts.map((at) => rate(proxy, at, at + 10 * SECOND)));
}

describe.each(onePair)('one budget for all shards: $name', { timeout: 120_000 }, (servers) => {
  it('goes to those that are left, after an end and after a kill', async () => {
    await using migration = await createMigration({ servers, shards: 3, rows, config });
    const begun = performance.now();
    const delays = monitorEventLoopDelay();
    delays.enable();
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'pass' }));
    const now = (): number => performance.now() - begun;
    await using cli = await migration.spawn(['backfill', '--all', '--jobs', '3', '--json'], {
      env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint },
    });
    const until = async (time: number): Promise<void> => {
      await expect.poll(now, { timeout: time - now() + SECOND }).toBeGreaterThan(time);
    };

    await cli.waitFor(/"event":"shard.finished".*"shard":"s01"/);
    const ended = now();
    await until(ended + 5 * SECOND);
    // Two thirds of it, had the part of the first one stayed with it; a busy machine may cost a tenth.
    expect(rate(proxy, ended + 2 * SECOND, ended + 5 * SECOND)).toBeGreaterThan(0.9 * BUDGET);

    const pid = /"event":"shard.started".*"shard":"s02".*"pid":(\d+)/.exec(cli.stderr)?.[1];
    process.kill(Number(pid), 'SIGKILL');
    const killed = now();
    await until(killed + 5 * SECOND);
    expect(rate(proxy, killed + 2 * SECOND, killed + 5 * SECOND)).toBeGreaterThan(0.9 * BUDGET);
    // What arrives while this process has no turn is seen at once when it has one: that much more than ten seconds' worth.
    delays.disable();
    const unseenSeconds = delays.max / 1e9;
    expect(mostInTenSeconds(proxy)).toBeLessThanOrEqual(1.01 * BUDGET * (1 + unseenSeconds / 10));
    // What shards tell of it is what the table consumed, by parts of chunks: the ramp of an on-demand table goes by that too.
    expect(Math.max(...told(cli.stderr, 'unitsPerSecond'))).toBeGreaterThan(BUDGET / 4);
    cli.killGroup('SIGKILL');
  });

  it('is one for two runs at once, of which the second has what the first has given up', async () => {
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
  ])('begins with what the table takes at once, where it $table', async ({ control, units }) => {
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

/** Units a second that shards said they use, or may use. */
function told(log: string, what: 'unitsPerSecond' | 'unitsLimit'): readonly number[] {
  return Array.from(log.matchAll(new RegExp(`"${what}":([\\d.]+)`, 'g')), ([, units]) => Number(units));
}
