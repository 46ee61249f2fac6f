/** Tables of postflight rows in a real MySQL. */
import { createConnection } from 'mysql2/promise';
import { seedShard } from '../../fixtures/postflight/generate.js';
import type { MysqlServer } from '../support/servers/server.js';

const NOW = new Date('2026-01-01T00:00:00Z');

export async function seed(
  mysql: MysqlServer,
  database: string,
  shard: number,
  shards: number,
  rows: number,
): Promise<void> {
  const connection = await createConnection({
    host: mysql.host,
    port: mysql.port,
    user: mysql.user,
    password: mysql.password,
  });
  try {
    await connection.query(`CREATE DATABASE ${database} CHARACTER SET utf8mb4`);
    await connection.query(`USE ${database}`);
    await seedShard(connection, { seed: 1, shard, shards, count: rows, now: NOW });
    await connection.query('ANALYZE TABLE messages');
  } finally {
    await connection.end();
  }
}

/** DynamoDB JSON of one row, about as large as a mapped one. */
export async function sampleItem(mysql: MysqlServer, database: string): Promise<string> {
  const connection = await createConnection({
    host: mysql.host,
    port: mysql.port,
    user: mysql.user,
    password: mysql.password,
    database,
    dateStrings: true,
  });
  try {
    const [[row]] = (await connection.query('SELECT * FROM messages LIMIT 1 OFFSET 100')) as unknown as [
      [Record<string, string | null>],
    ];
    return JSON.stringify(
      Object.fromEntries(
        Object.entries(row).flatMap(([name, value]) => (value === null ? [] : [[name, { S: value }]])),
      ),
    );
  } finally {
    await connection.end();
  }
}
