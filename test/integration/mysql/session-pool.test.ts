/** The pool of a shard's connections: how many statements run at once, and which connections are handed out again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { type Aside, SessionPool } from '../../../src/mysql/connection/session-pool.js';
import { Session } from '../../../src/mysql/connection/session.js';
import { createDatabase, mysqlServers, type TestDatabase } from '../../support/mysql.js';
import { startMysqlProxy } from '../../support/mysql-proxy.js';

const signal = new AbortController().signal;

type TestPool = SessionPool & AsyncDisposable;

function openPool(database: TestDatabase, scansPerServer: number, statementIdleTimeoutSeconds = 60): TestPool {
  const pool = new SessionPool(database.shard(), { scansPerServer, statementIdleTimeoutSeconds });
  return Object.assign(pool, {
    [Symbol.asyncDispose]: () => {
      pool.close();
      return Promise.resolve();
    },
  });
}

/** Nobody counts how long a permit is waited for. */
const aside: Aside = (waiting) => waiting;

/** Whether it is still waiting after everything else has had its turn. */
async function waits(promise: Promise<unknown>): Promise<boolean> {
  return await Promise.race([promise.then(() => false), sleep(150).then(() => true)]);
}

describe.each(mysqlServers)('$name', (server) => {
  test('the session pool hands out a released connection again, and a broken one never', async () => {
    await using database = await createDatabase(server);
    await using pool = openPool(database, 2);
    const first = await pool.lease(signal, aside);
    first.release();
    const second = await pool.lease(signal, aside);
    expect(second.session).toBe(first.session);
    second.session.destroy();
    second.release();
    const third = await pool.lease(signal, aside);
    expect(third.session).not.toBe(first.session);
    expect(await third.session.rows('SELECT 1', signal)).toEqual([['1']]);
    third.release();
  });

  test('the session pool makes a request beyond its permits wait for a release, in the order of asking', async () => {
    await using database = await createDatabase(server);
    await using pool = openPool(database, 2);
    const [first, second] = [await pool.lease(signal, aside), await pool.lease(signal, aside)];
    const order: string[] = [];
    const third = pool.lease(signal, aside).then((lease) => (order.push('third'), lease));
    const fourth = pool.lease(signal, aside).then((lease) => (order.push('fourth'), lease));
    expect(await waits(third)).toBe(true);
    first.release();
    const leased = await third;
    expect(await waits(fourth)).toBe(true);
    second.release();
    (await fourth).release();
    leased.release();
    expect(order).toEqual(['third', 'fourth']);
  });

  test('a lease of the session pool returns its permit once, however often it is released', async () => {
    await using database = await createDatabase(server);
    await using pool = openPool(database, 1);
    const first = await pool.lease(signal, aside);
    first.release();
    first.release();
    const second = await pool.lease(signal, aside);
    expect(await waits(pool.lease(signal, aside).then((lease) => lease.release()))).toBe(true);
    second.release();
  });

  test('a caller that stops waiting for the session pool leaves its place to the next, and an aborted signal gets none', async () => {
    await using database = await createDatabase(server);
    await using pool = openPool(database, 1);
    const first = await pool.lease(signal, aside);
    const impatient = new AbortController();
    const gone = pool.lease(impatient.signal, aside);
    const next = pool.lease(signal, aside);
    impatient.abort();
    await expect(gone).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    await expect(pool.lease(impatient.signal, aside)).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    first.release();
    (await next).release();
    // Nobody holds a permit that it should not.
    (await pool.lease(signal, aside)).release();
  });

  test('close() of the session pool ends idle and used connections, and opens no more', async () => {
    await using database = await createDatabase(server);
    await using pool = openPool(database, 3);
    const [idle, used] = [await pool.lease(signal, aside), await pool.lease(signal, aside)];
    idle.release();
    // Short: not every server looks whether its client is still there.
    const running = used.session.rows('SELECT SLEEP(2)', signal);
    running.catch(() => undefined);
    pool.close();
    await expect(running).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    expect([idle.session.alive, used.session.alive]).toEqual([false, false]);
    used.release();
    await expect(pool.lease(signal, aside)).rejects.toMatchObject({ code: 'E_INTERNAL' });
  });

  test('the session pool counts rows that the server answered, except those of connection setup', async () => {
    await using database = await createDatabase(server);
    await using pool = openPool(database, 2);
    const [one, other] = [await pool.lease(signal, aside), await pool.lease(signal, aside)];
    expect(pool.rowsRead).toBe(0);
    await one.session.rows('SELECT one FROM (SELECT 1 AS one UNION SELECT 2) AS two', signal);
    await other.session.rows('SELECT 1', signal);
    const three = { list: '1', from: 'FROM (SELECT 1 UNION SELECT 2 UNION SELECT 3) AS three', conditional: false };
    await other.session.stream(three, () => undefined, signal, Infinity);
    expect(pool.rowsRead).toBe(6);
    one.release();
    other.session.destroy();
    other.release();
    // What was read over a connection that is gone was read all the same.
    expect(pool.rowsRead).toBe(6);
  });

  test('close() of the session pool ends a connection that is being opened', async () => {
    await using database = await createDatabase(server);
    await using pool = openPool(database, 1);
    const opening = pool.lease(signal, aside);
    await sleep(0);
    pool.close();
    await expect(opening).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
  });

  test('close() of the session pool leaves no connection behind while a new one ends an abandoned statement', async () => {
    await using database = await createDatabase(server);
    await using pool = openPool(database, 1, 1);
    const first = await pool.lease(signal, aside);
    // Short: not every server looks whether its client is still there.
    await expect(first.session.rows('SELECT SLEEP(4)', signal)).rejects.toThrow();
    first.release();
    const end = Object.getOwnPropertyDescriptor(Session.prototype, 'endThread')?.value as Session['endThread'];
    const spy = vi.spyOn(Session.prototype, 'endThread').mockImplementation(async function (this: Session, ...given) {
      pool.close();
      await end.apply(this, given);
    });
    try {
      await expect(pool.lease(signal, aside)).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
      expect(spy).toHaveBeenCalledOnce();
    } finally {
      spy.mockRestore();
    }
  });

  test('the session pool ends a connection that leads to another server than its first one, with an error', async () => {
    await using database = await createDatabase(server);
    await using pool = openPool(database, 1);
    const first = await pool.lease(signal, aside);
    first.session.destroy();
    first.release();
    const open = Session.open.bind(Session);
    const opened: Session[] = [];
    const spy = vi.spyOn(Session, 'open').mockImplementation(async (...given) => {
      const session = Object.defineProperty(await open(...given), 'server', { value: 'another one' });
      opened.push(session);
      return session;
    });
    try {
      await expect(pool.lease(signal, aside)).rejects.toMatchObject({
        code: 'E_SOURCE_CHANGED',
        message: expect.stringContaining('leads to another server') as string,
      });
    } finally {
      spy.mockRestore();
    }
    expect(opened.map(({ alive }) => alive)).toEqual([false]);
    // Nobody holds the permit.
    (await pool.lease(signal, aside)).release();
  });

  test('the next connection of the session pool ends a hung statement on the server', async () => {
    await using database = await createDatabase(server);
    await using pool = openPool(database, 1, 1);
    const first = await pool.lease(signal, aside);
    await expect(first.session.rows('SELECT SLEEP(3600) AS hung', signal)).rejects.toThrow();
    first.release();
    const second = await pool.lease(signal, aside);
    const hung = async (): Promise<number> => {
      const rows = await second.session.rows(
        `SELECT id FROM information_schema.processlist WHERE db = '${database.name}' AND info LIKE '%SLEEP(3600)%' AND id <> CONNECTION_ID()`,
        signal,
      );
      return rows.length;
    };
    await expect.poll(hung, { timeout: 5_000 }).toBe(0);
    second.release();
  });
});

const [one, another] = mysqlServers;

describe.each(one === undefined || another === undefined ? [] : [{ servers: [one, another] as const }])(
  'two servers behind one name',
  ({ servers }) => {
    test('the session pool never uses a connection that leads to another server than its first one', async () => {
      await using first = await createDatabase(servers[0]);
      await using second = await createDatabase(servers[1], first.name);
      await using proxy = await startMysqlProxy(servers[0]);
      const user = `swap_${first.name.slice(-8)}`;
      for (const database of [first, second]) {
        await database.query(`CREATE USER ${user}@'%' IDENTIFIED BY 'Plain-4711'`);
        await database.query(`GRANT SELECT ON ${first.name}.* TO ${user}@'%'`);
      }
      const shard = { ...first.shard(), port: proxy.port, user, password: 'Plain-4711' };
      const pool = new SessionPool(shard, { scansPerServer: 2, statementIdleTimeoutSeconds: 60 });
      try {
        const before = await pool.lease(signal, aside);
        proxy.leadTo(servers[1]);
        await expect(pool.lease(signal, aside)).rejects.toMatchObject({
          code: 'E_SOURCE_CHANGED',
          message: expect.stringMatching(/leads to another server than when the run started/) as string,
        });
        expect(await before.session.rows('SELECT 1', signal)).toEqual([['1']]);
        proxy.leadTo(servers[0]);
        (await pool.lease(signal, aside)).release();
      } finally {
        pool.close();
        for (const database of [first, second]) await database.query(`DROP USER ${user}@'%'`);
      }
    });
  },
);
