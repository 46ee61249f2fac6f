/** The contexts that every server test stands on: they give what they promise, and they leave nothing. */
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { createConnection } from 'mysql2/promise';
import { access } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createTable, dynamodbServers, testClient } from '../../support/dynamodb.js';
import { createDatabase, mysqlServers } from '../../support/mysql.js';
import { temporaryFolder } from '../../support/temporary.js';

describe.each(mysqlServers)('database on $name', (server) => {
  it('createDatabase() gives an empty utf8mb4 database and drops it', async () => {
    let name: string;
    {
      await using database = await createDatabase(server);
      ({ name } = database);
      await database.query('CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY, body TEXT)');
      await database.query('INSERT INTO t VALUES ?', [[['18446744073709551615', '你好 🚢']]]);
      expect(await database.query('SELECT id, body FROM t')).toEqual([{ id: '18446744073709551615', body: '你好 🚢' }]);
      expect(database.shard()).toMatchObject({ id: 's01', database: name, tls: { mode: 'off' } });
    }
    await using other = await createDatabase(server);
    expect(await other.query('SHOW DATABASES LIKE ?', [name])).toEqual([]);
  });

  it('the test servers write a row-based binary log', async () => {
    await using database = await createDatabase(server);
    const [options] = await database.query('SELECT @@log_bin AS log, @@binlog_format AS format');
    expect(options).toEqual({ log: '1', format: 'ROW' });
  });

  it('createDatabase() fails a test that leaves a connection open', async () => {
    const left = async (): Promise<void> => {
      await using database = await createDatabase(server, undefined, 1_000);
      const { host, port, user, password, database: schema } = database.shard();
      const leaked = await createConnection({ host, port, user, password, database: schema });
      leaked.on('error', () => undefined);
    };
    await expect(left()).rejects.toThrow(/^the test left connections to its database open: \d+ Sleep /);
  });
});

describe.each(dynamodbServers)('table on $name', (server) => {
  it('createTable() gives an empty table and deletes it', async () => {
    const client = testClient(server.endpoint);
    let name: string;
    {
      await using table = await createTable(server, {
        partitionKey: { name: 'pk', type: 'S' },
        sortKey: { name: 'sk', type: 'N' },
        indexes: [{ name: 'by-sk', partitionKey: { name: 'sk', type: 'N' }, sortKey: null, projection: 'keys-only' }],
      });
      ({ name } = table);
      const item = { pk: { S: 'a' }, sk: { N: '1' } };
      expect(await table.items()).toEqual([]);
      await client.send(new PutItemCommand({ TableName: name, Item: item }));
      expect(await table.items()).toEqual([item]);
    }
    const put = client.send(new PutItemCommand({ TableName: name, Item: { pk: { S: 'a' }, sk: { N: '1' } } }));
    await expect(put).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    client.destroy();
  });
});

describe('temporary folder', () => {
  it('temporaryFolder() removes its folder', async () => {
    let path: string;
    {
      await using folder = await temporaryFolder();
      ({ path } = folder);
      await access(path);
    }
    await expect(access(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
