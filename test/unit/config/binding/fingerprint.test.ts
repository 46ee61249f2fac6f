import { describe, expect, test } from 'vitest';
import { resumeFingerprint } from '../../../../src/config/binding/fingerprint.js';
import type { ColumnInfo, TableInfo } from '../../../../src/core/model.js';
import { alter, ENV, loadRight, rightConfig } from '../config-file.js';

function column(name: string, more: Partial<ColumnInfo> = {}): ColumnInfo {
  return {
    name,
    dataType: 'varchar',
    columnType: 'varchar(34)',
    nullable: false,
    unsigned: false,
    charset: 'utf8mb4',
    collation: 'utf8mb4_bin',
    maxLength: 34,
    precision: null,
    scale: null,
    fractionDigits: null,
    generated: false,
    invisible: false,
    transport: 'text',
    ...more,
  };
}

function table(more: Partial<TableInfo> = {}): TableInfo {
  return {
    database: 'one',
    name: 'messages',
    columns: [column('sid'), column('body', { nullable: true })],
    uniqueKeys: [{ name: 'PRIMARY', parts: [{ column: 'sid', descending: false }], nullable: false, prefix: false }],
    estimatedRows: 10,
    ...more,
  };
}

async function fingerprint(config: object = rightConfig(), info: TableInfo = table()): Promise<unknown> {
  return JSON.parse(JSON.stringify(resumeFingerprint(await loadRight(config), [info], 'arn id')));
}

describe('resumeFingerprint', () => {
  test('resumeFingerprint keys its entries by name', async () => {
    expect(await fingerprint()).toMatchObject({
      declared: { messages: { shardedBy: null, globallyUnique: [] } },
      writer: { liveWriter: 'none', versionAttribute: null, tombstoneRetentionSeconds: null },
      target: { table: 'messages', region: null, endpoint: null, identity: 'arn id' },
      tables: {
        messages: {
          where: null,
          scanKey: null,
          items: { 'item 1': { partitionKey: { template: 'ACCT#{account_sid}' } } },
          columns: {
            body: { columnType: 'varchar(34)', charset: 'utf8mb4', collation: 'utf8mb4_bin', nullable: true },
          },
          uniqueKeys: { PRIMARY: ['sid'] },
        },
      },
    });
  });

  test('resumeFingerprint holds no secret, host or user', async () => {
    const text = JSON.stringify(await fingerprint());
    expect(text).not.toMatch(/007|p:a|db2\.internal|127\.0\.0\.1|ferry/);
  });

  test.each([
    ['source.shards.0.host', 'localhost'],
    ['source.shards.0.port', 3311],
    ['source.shards.0.user', 'other'],
    ['source.limits', { chunkRows: 7, rangesPerTable: 3 }],
    ['target.writeCapacity', 5],
    ['target.maxInFlightRequests', 5],
    ['target.create', { billing: 'provisioned' }],
    ['state', './other'],
  ])('resumeFingerprint does not change with %s', async (path, value) => {
    expect(await fingerprint(alter(rightConfig(), path, value))).toEqual(await fingerprint());
  });

  test.each([
    ['source.table.where', 'deleted = 0'],
    ['source.table.scanKey', ['sid']],
    ['target.table', 'other'],
    ['target.region', 'eu-central-1'],
    ['target.endpoint', 'http://localhost:8000'],
    ['mapping.messages.items.0.sortKey.template', '{sid}'],
    ['mapping.messages.items.0.partitionKey.spread', { by: 'sid', shards: 4 }],
    ['mapping.messages.items.0.attributes', { drop: ['body'] }],
    ['mapping.messages.items.0.ttl', { attribute: 'e', column: 'c', retention: '1d' }],
  ])('resumeFingerprint changes with %s', async (path, value) => {
    expect(await fingerprint(alter(rightConfig(), path, value))).not.toEqual(await fingerprint());
  });

  test.each<[string, Partial<TableInfo>]>([
    ['a column more', { columns: [...table().columns, column('extra')] }],
    ['a wider column', { columns: [column('sid', { columnType: 'varchar(64)' }), column('body', { nullable: true })] }],
    [
      'a collation',
      { columns: [column('sid', { collation: 'utf8mb4_general_ci' }), column('body', { nullable: true })] },
    ],
    ['a column that may be NULL', { columns: [column('sid'), column('body')] }],
    [
      'a descending key',
      {
        uniqueKeys: [{ name: 'PRIMARY', parts: [{ column: 'sid', descending: true }], nullable: false, prefix: false }],
      },
    ],
    ['a database', { database: 'another' }],
  ])('resumeFingerprint changes with the structure of the table: %s', async (_, more) => {
    expect(await fingerprint(rightConfig(), table(more))).not.toEqual(await fingerprint());
  });

  test('resumeFingerprint does not change with estimates and with the order of columns', async () => {
    const changed = table({ estimatedRows: 99, columns: table().columns.toReversed() });
    expect(await fingerprint(rightConfig(), changed)).toEqual(await fingerprint());
  });

  test('resumeFingerprint holds nothing of a variable’s value, and changes with that value alone', async () => {
    const item = {
      partitionKey: { name: 'pk', template: '${PART}#{account_sid}' },
      sortKey: { name: 'sk', template: '${PART}#{message_sid:text}' },
      attributes: {
        rules: { body: { name: '${PART}' } },
        add: { one: { constant: '${PART}' }, two: { template: '${PART} {sid}' } },
      },
      ttl: { attribute: '${PART}', column: 'created_at', retention: '1d' },
    };
    const config = alter(alter(rightConfig(), 'mapping.messages.items', [item]), 'source.table.where', "t = '${PART}'");
    const of = async (PART: string): Promise<string> =>
      JSON.stringify(resumeFingerprint(await loadRight(config, { ...ENV, PART }), [table()], 'arn id'));
    const one = await of('HIDDEN');
    expect(one).not.toContain('HIDDEN');
    expect(one.match(/\$\{PART\}/g)).toHaveLength(7);
    expect(await of('HIDDEN')).toBe(one);
    expect(await of('OTHER')).not.toBe(one);
    const tables = JSON.stringify(config).replaceAll('"table":{', '"tables":[{').replaceAll(`PART}'"}`, `PART}'"}]`);
    const listed = resumeFingerprint(await loadRight(tables, { ...ENV, PART: 'HIDDEN' }), [table()], 'arn id');
    expect(JSON.stringify(listed)).toBe(one);
  });
});
