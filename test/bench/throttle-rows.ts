/** Rows for the throttling benchmark: many accounts of a few rows, and one that has as many as a seventh of all. */
import { createConnection } from 'mysql2/promise';
import type { MysqlServer } from '../support/servers/server.js';

export const COLD_ROWS = 60_000;
export const HOT_ROWS = 10_000;
const COLD_ACCOUNTS = 3_000;
/** Near the begin of the key order, so that it is met at once and lasts to the end. */
const HOT_NUMBER = 100;
/** As the first shard's partition key has it. */
export const HOT_ACCOUNT = String(HOT_NUMBER).padStart(10, '0');
const AT_ONCE = 5_000;

export async function seedAccounts(mysql: MysqlServer, shard: number): Promise<void> {
  const { host, port, user, password } = mysql;
  const connection = await createConnection({ host, port, user, password });
  try {
    await connection.query(`CREATE DATABASE accounts${shard}`);
    await connection.query(`USE accounts${shard}`);
    await connection.query(
      'CREATE TABLE messages (account INT NOT NULL, id INT NOT NULL, body VARCHAR(200), PRIMARY KEY (account, id))',
    );
    const accountOf = (id: number): number => (id < COLD_ROWS ? id % COLD_ACCOUNTS : HOT_NUMBER);
    for (let first = 0; first < COLD_ROWS + HOT_ROWS; first += AT_ONCE) {
      const rows = Array.from({ length: AT_ONCE }, (_, i) => [
        accountOf(first + i) + shard * 10_000,
        first + i,
        `message ${first + i} of an account that is like any other`,
      ]);
      await connection.query('INSERT INTO messages VALUES ?', [rows]);
    }
    await connection.query('ANALYZE TABLE messages');
  } finally {
    await connection.end();
  }
}
