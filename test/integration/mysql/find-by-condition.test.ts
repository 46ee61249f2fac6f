/**
 * A condition that an operator writes may be slow, or wrong: it ends in time, is tried once, and the next step is about
 * the condition.
 */
import { describe, expect, it } from 'vitest';
import { EventBus } from '../../../src/core/event-bus.js';
import { findByCondition } from '../../../src/mysql/scan/find-by-condition.js';
import type { Select } from '../../../src/mysql/connection/sql.js';
import { SessionPool } from '../../../src/mysql/connection/session-pool.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { LIMITS } from './source.js';

/** MySQL 5.6 cannot end a statement by itself. */
const where = (condition: string): Select => ({
  list: 'id',
  from: `FROM t WHERE ${condition} LIMIT 1`,
  conditional: true,
});
const limiting = mysqlServers.filter(({ name }) => name !== 'mysql-5.6');

describe.each(limiting)('a condition on $name', (server) => {
  it('the server ends a slow condition, and findByCondition() does not retry it', { timeout: 60_000 }, async () => {
    await using database = await createDatabase(server);
    await database.query('CREATE TABLE t (id INT PRIMARY KEY)');
    await database.query(`INSERT INTO t VALUES ${Array.from({ length: 200 }, (_, id) => `(${id})`).join()}`);
    const bus = new EventBus();
    const retried: unknown[] = [];
    bus.on('source.retried', (event) => retried.push(event));
    const pool = new SessionPool(database.shard(), LIMITS);
    const { signal } = new AbortController();
    const deps = { shard: 's01', pool, limits: LIMITS, emitter: bus };
    try {
      const begun = performance.now();
      const slow = findByCondition(deps, 't', where('id + SLEEP(0.1) < 0'), signal, 1);
      await expect(slow).rejects.toMatchObject({
        code: 'E_SOURCE_QUERY',
        message: expect.stringContaining('too slow') as string,
        hint: expect.stringContaining('index') as string,
      });
      expect(performance.now() - begun).toBeLessThan(10_000);
      await expect(findByCondition(deps, 't', where('nothing = 1'), signal)).rejects.toMatchObject({
        code: 'E_SOURCE_QUERY',
        hint: expect.stringContaining('condition') as string,
      });
      expect(await findByCondition(deps, 't', where('id = 7'), signal)).toEqual(['7']);
      expect(retried).toEqual([]);
    } finally {
      pool.close();
    }
  });
});
