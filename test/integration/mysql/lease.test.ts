/** The permits of a shard's connections: whatever is called in whatever order, as many statements may run as before. */
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { SessionPool } from '../../../src/mysql/session-pool.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';

const straight = async <T>(waiting: Promise<T>): Promise<T> => await waiting;

describe.each(mysqlServers.slice(0, 1))('$name', (server) => {
  const signal = (): AbortSignal => AbortSignal.timeout(20_000);

  test('a lease that ends while it waits to go on keeps no permit', async () => {
    await using database = await createDatabase(server);
    const pool = new SessionPool(database.shard(), { scansPerShard: 1, answerSeconds: 30 });
    try {
      const paused = await pool.lease(signal(), straight);
      paused.suspend();
      const other = await pool.lease(signal(), straight);
      const resuming = paused.resume(signal());
      paused.release();
      other.release();
      await expect(resuming).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
      await expect(paused.resume(signal())).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
      (await pool.lease(signal(), straight)).release();
    } finally {
      pool.close();
    }
  });

  test('a lease that goes on twice holds one permit', async () => {
    await using database = await createDatabase(server);
    const pool = new SessionPool(database.shard(), { scansPerShard: 2, answerSeconds: 30 });
    try {
      const lease = await pool.lease(signal(), straight);
      lease.suspend();
      await Promise.all([lease.resume(signal()), lease.resume(signal())]);
      const other = await pool.lease(signal(), straight);
      lease.release();
      lease.release();
      other.release();
      const both = [await pool.lease(signal(), straight), await pool.lease(signal(), straight)];
      for (const each of both) each.release();
    } finally {
      pool.close();
    }
  });

  test('counts the rows that the server answered, without those of setting a connection up', async () => {
    await using database = await createDatabase(server);
    const pool = new SessionPool(database.shard(), { scansPerShard: 2, answerSeconds: 30 });
    try {
      const [one, other] = [await pool.lease(signal(), straight), await pool.lease(signal(), straight)];
      expect(pool.rowsRead).toBe(0);
      await one.session.rows('SELECT 1 UNION SELECT 2', signal());
      await other.session.rows('SELECT 1', signal());
      await other.session.stream('SELECT 1 UNION SELECT 2 UNION SELECT 3', () => undefined, signal()).done;
      expect(pool.rowsRead).toBe(6);
      one.release();
      other.session.destroy();
      other.release();
      // What was read over a connection that is gone was read all the same.
      expect(pool.rowsRead).toBe(6);
    } finally {
      pool.close();
    }
  });

  test('a pool that is closed opens no connection any more, and leaves none behind', async () => {
    await using database = await createDatabase(server);
    const pool = new SessionPool(database.shard(), { scansPerShard: 1, answerSeconds: 30 });
    const opening = pool.lease(signal(), straight);
    await setImmediate();
    pool.close();
    await expect(opening).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    await expect(pool.lease(signal(), straight)).rejects.toMatchObject({ code: 'E_INTERNAL' });
  });
});
