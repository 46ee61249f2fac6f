/** The watch over a busy server: as long as one scan runs, and no longer. */
import { describe, expect, test } from 'vitest';
import { EventBus } from '../../../src/core/event-bus.js';
import { SourceThrottler } from '../../../src/mysql/source-throttler.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { LIMITS, openSession } from './source.js';

describe.each(mysqlServers.slice(0, 1))('$name', { timeout: 60_000 }, (server) => {
  test('the source throttler watches a busy server until the last of two scans has ended', async () => {
    await using database = await createDatabase(server);
    const bus = new EventBus();
    const said: string[] = [];
    for (const name of ['source.paused', 'source.resumed'] as const) bus.on(name, () => said.push(name));
    // Whatever else runs on the server, five sleepers are more than three threads.
    const throttle = new SourceThrottler(database.shard(), { ...LIMITS, maxThreadsRunning: 3 }, bus);
    const [leave, leaveLast] = [throttle.enter(), throttle.enter()];
    leave();
    leave();
    said.length = 0;
    const stop = new AbortController();
    const sleepers = await Promise.all(Array.from({ length: 5 }, () => openSession(database.shard())));
    try {
      const sleeping = sleepers.map((session) => session.rows('SELECT SLEEP(30)', stop.signal).catch(() => undefined));
      await expect.poll(() => said).toContain('source.paused');
      leaveLast();
      await expect.poll(() => said.at(-1)).toBe('source.resumed');
      stop.abort();
      await Promise.all(sleeping);
    } finally {
      throttle.close();
      for (const session of sleepers) session.destroy();
    }
  });
});
