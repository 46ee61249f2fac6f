/** A table with rows as large as a few chunks, which nobody knows of before they come. */
import type { TestDatabase } from '../../support/mysql.js';

export const MEGABYTE = 2 ** 20;
export const LARGE = 9 * MEGABYTE;

/** Small rows, and behind them large ones, by their ids. */
export async function fillWithLarge(database: TestDatabase, small: number, large: readonly number[]): Promise<void> {
  await database.query('CREATE TABLE t (id INT PRIMARY KEY, body LONGTEXT)');
  await database.query(`INSERT INTO t VALUES ${Array.from({ length: small }, (_, i) => `(${i}, 'x')`).join()}`);
  for (const id of large) await database.query(`INSERT INTO t VALUES (${id}, REPEAT('y', ${LARGE}))`);
}
