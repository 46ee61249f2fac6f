/** A config with every setting that can stand beside the others, its tables, and one alteration of each setting. */
import type { SettingPath } from '../../src/config/binding/setting-changes.js';

/** As loose as YAML is. */
export type LooseConfig = object;

/** Sets the value at a path such as `source.shards.1.port`; undefined removes it. */
function set(config: LooseConfig, path: string, value: unknown): void {
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  let part = config as Record<string, unknown>;
  for (const step of steps) part = (part[step] ??= {}) as Record<string, unknown>;
  if (value === undefined) Reflect.deleteProperty(part, last);
  else part[last] = value;
}

const columns =
  'account INT NOT NULL, org INT NOT NULL, id INT NOT NULL, uid INT NOT NULL, body VARCHAR(40), at DATETIME NOT NULL, until DATETIME NOT NULL, ver INT NOT NULL, other_ver INT NOT NULL, PRIMARY KEY (account, id), UNIQUE KEY by_id (id, account)';

/** `notes` and another table like it. @param shard from 0: accounts, ids and organisations are its own */
export function noteTables(shard: number, rows: number): readonly string[] {
  const first = 1_000 * (shard + 1);
  const values = Array.from({ length: rows }, (_, i) => {
    const id = first + i;
    return `(${first + Math.floor(i / 10)}, ${first}, ${id}, ${id}, 'note ${id}', '2040-01-01', '2041-01-01', 1, 2)`;
  });
  return ['notes', 'other_notes'].flatMap((name) => [
    `CREATE TABLE ${name} (${columns})`,
    `INSERT INTO ${name} VALUES ${values.join()}`,
  ]);
}

/** Adds the settings of tables, of a live writer and of the mapping to a config with shards and a target. */
export function noteConfig(config: LooseConfig): void {
  set(config, 'source.table', { name: 'notes', shardedBy: 'account', globallyUnique: ['id'] });
  set(config, 'source.limits', { chunkRows: 10, chunkMs: 60_000, scansPerServer: 1, rangesPerTable: 1 });
  set(config, 'target.liveWriter', 'concurrent');
  set(config, 'target.version', { attribute: 'ver', tombstoneRetention: '7d' });
  set(config, 'mapping', {
    notes: {
      items: [
        {
          name: 'note',
          partitionKey: {
            name: 'pk',
            template: '{account:pad(10)}',
            spread: { by: 'id', shards: 2, account: 'account', overrides: { 77: 4 } },
          },
          sortKey: { name: 'sk', template: '{id:pad(10)}' },
          attributes: {
            columns: 'all',
            drop: ['uid'],
            rules: { body: { name: 'text', type: 'S', null: 'absent' }, at: { format: 'iso' } },
            add: { label: { template: '{id}' }, kind: { constant: 'note' } },
          },
          ttl: { attribute: 'expires', column: 'at', retention: '10d', expired: 'keep' },
        },
      ],
    },
  });
}

/** What only another server, or one with TLS, could show in a run. */
export const NOT_RUN: ReadonlySet<SettingPath> = new Set<SettingPath>([
  // test/faults/source-failover.test.ts
  'source.shards[].port',
  'source.shards[].user',
  'source.shards[].password',
  'source.shards[].tls.mode',
  'source.shards[].tls.ca',
  'source.shards[].tls.profile',
  'source.shards[].replicas[].host',
  'source.shards[].replicas[].port',
]);

const at = (path: string, value: unknown) => (config: LooseConfig) => set(config, path, value);
const all =
  (...steps: readonly ((config: LooseConfig) => void)[]) =>
  (config: LooseConfig) =>
    steps.forEach((step) => step(config));

const SHARD = 'source.shards.0';
const ITEM = 'mapping.notes.items.0';
const index = (more: object): unknown => [
  { name: 'by_text', partitionKey: { name: 'text' }, sortKey: { name: 'label' }, ...more },
];

/** Attributes out of a list of columns. */
const listed = (...columns: readonly string[]) =>
  at(`${ITEM}.attributes`, { columns: ['account', 'id', ...columns], add: { kind: { constant: 'note' } } });

/** @param otherDatabase one with the same tables, on the same server */
export function alterations(otherDatabase: string): Readonly<Record<SettingPath, (config: LooseConfig) => void>> {
  return {
    state: at('state', './elsewhere'),
    stateMoves: at('stateMoves', true),
    'verify.maxAge': at('verify', { maxAge: '5m' }),
    'source.shards[].id': at(`${SHARD}.id`, 's09'),
    'source.shards[].host': at(`${SHARD}.host`, 'localhost'),
    'source.shards[].port': at(`${SHARD}.port`, 3399),
    'source.shards[].user': at(`${SHARD}.user`, 'another'),
    'source.shards[].password': at(`${SHARD}.password`, '${OTHER_PASSWORD}'),
    'source.shards[].database': at(`${SHARD}.database`, otherDatabase),
    'source.shards[].tls.mode': at(`${SHARD}.tls`, { mode: 'required' }),
    'source.shards[].tls.ca': at(`${SHARD}.tls`, { mode: 'verify', ca: 'ca.pem' }),
    'source.shards[].tls.profile': at(`${SHARD}.tls`, { mode: 'verify', profile: 'amazon-rds' }),
    'source.shards[].replicas[].host': at(`${SHARD}.replicas`, [{ host: '127.0.0.1' }]),
    'source.shards[].replicas[].port': at(`${SHARD}.replicas`, [{ host: '127.0.0.1', port: 3398 }]),
    'source.tables[].name': (config) => {
      const { mapping } = config as { mapping: Record<string, unknown> };
      set(config, 'source.table.name', 'other_notes');
      set(config, 'mapping', { other_notes: mapping['notes'] });
    },
    'source.tables[].where': at('source.table.where', 'id > 0'),
    'source.tables[].scanKey': at('source.table.scanKey', ['id', 'account']),
    'source.tables[].wholeTable': at('source.table.wholeTable', { maxRows: 1_000 }),
    'source.tables[].wholeTable.maxRows': at('source.table.wholeTable.maxRows', 900),
    'source.tables[].wholeTable.maxBytes': at('source.table.wholeTable.maxBytes', 1_000_000),
    'source.tables[].shardedBy': at('source.table.shardedBy', 'org'),
    'source.tables[].globallyUnique': at('source.table.globallyUnique', ['id', 'uid']),
    'source.limits.scansPerServer': at('source.limits.scansPerServer', 2),
    'source.limits.rangesPerTable': at('source.limits.rangesPerTable', 7),
    'source.limits.chunkMs': at('source.limits.chunkMs', 50_000),
    'source.limits.chunkRows': at('source.limits.chunkRows', 7),
    'source.limits.chunkBytes': at('source.limits.chunkBytes', 100_000),
    'source.limits.maxReplicaLagSeconds': at('source.limits.maxReplicaLagSeconds', 9),
    'source.limits.maxThreadsRunning': at('source.limits.maxThreadsRunning', 1_000),
    'source.limits.statementIdleTimeoutSeconds': at('source.limits.statementIdleTimeoutSeconds', 99),
    'source.limits.retryTimeoutSeconds': at('source.limits.retryTimeoutSeconds', 99),
    'source.limits.maxPauseSeconds': at('source.limits.maxPauseSeconds', 99),
    'target.table': at('target.table', 'another'),
    'target.region': at('target.region', 'eu-central-1'),
    'target.endpoint': at('target.endpoint', 'http://127.0.0.1:1'),
    'target.writeCapacity': at('target.writeCapacity', 50_000),
    'target.readCapacity': at('target.readCapacity', 50_000),
    'target.maxInFlightRequests': at('target.maxInFlightRequests', 3),
    'target.retryTimeoutSeconds': at('target.retryTimeoutSeconds', 99),
    'target.liveWriter': all(at('target.liveWriter', 'none'), at('target.version', undefined)),
    'target.version.attribute': at('target.version.attribute', 'other_ver'),
    'target.version.tombstoneRetention': at('target.version.tombstoneRetention', '6d'),
    'target.create.billing': at('target.create.billing', 'provisioned'),
    'target.create.indexes[].name': at('target.create.indexes', index({ name: 'by_other' })),
    'target.create.indexes[].partitionKey.name': at('target.create.indexes', index({ partitionKey: { name: 'body' } })),
    'target.create.indexes[].partitionKey.type': at(
      'target.create.indexes',
      index({ partitionKey: { name: 'text', type: 'B' } }),
    ),
    'target.create.indexes[].sortKey.name': at('target.create.indexes', index({ sortKey: { name: 'org' } })),
    'target.create.indexes[].sortKey.type': at(
      'target.create.indexes',
      index({ sortKey: { name: 'label', type: 'N' } }),
    ),
    'target.create.indexes[].projection': at('target.create.indexes', index({ projection: 'keys-only' })),
    'mapping.NAME.items[].name': at(`${ITEM}.name`, 'message'),
    'mapping.NAME.items[].partitionKey.name': at(`${ITEM}.partitionKey.name`, 'hash'),
    'mapping.NAME.items[].partitionKey.type': at(`${ITEM}.partitionKey`, {
      ...{ name: 'pk', type: 'N', template: '{account}' },
    }),
    'mapping.NAME.items[].partitionKey.template': at(`${ITEM}.partitionKey.template`, 'A{account:pad(10)}'),
    'mapping.NAME.items[].partitionKey.spread.by': at(`${ITEM}.partitionKey.spread.by`, 'uid'),
    'mapping.NAME.items[].partitionKey.spread.shards': at(`${ITEM}.partitionKey.spread.shards`, 3),
    'mapping.NAME.items[].partitionKey.spread.account': at(`${ITEM}.partitionKey.spread.account`, 'org'),
    'mapping.NAME.items[].partitionKey.spread.overrides.NAME': at(`${ITEM}.partitionKey.spread.overrides`, { 77: 5 }),
    'mapping.NAME.items[].sortKey.name': at(`${ITEM}.sortKey.name`, 'range'),
    'mapping.NAME.items[].sortKey.type': at(`${ITEM}.sortKey`, { name: 'sk', type: 'N', template: '{id}' }),
    'mapping.NAME.items[].sortKey.template': at(`${ITEM}.sortKey.template`, 'N{id:pad(10)}'),
    'mapping.NAME.items[].attributes.columns': listed('at', 'ver', 'other_ver'),
    'mapping.NAME.items[].attributes.drop': all(
      at(`${ITEM}.attributes.drop`, ['uid', 'body']),
      at(`${ITEM}.attributes.rules.body`, undefined),
    ),
    'mapping.NAME.items[].attributes.rules.NAME.name': at(`${ITEM}.attributes.rules.body.name`, 'content'),
    'mapping.NAME.items[].attributes.rules.NAME.type': at(`${ITEM}.attributes.rules.body.type`, 'B'),
    'mapping.NAME.items[].attributes.rules.NAME.format': at(`${ITEM}.attributes.rules.at.format`, 'epoch-s'),
    'mapping.NAME.items[].attributes.rules.NAME.null': at(`${ITEM}.attributes.rules.body.null`, 'keep'),
    'mapping.NAME.items[].attributes.add.NAME.template': at(`${ITEM}.attributes.add.label.template`, '{id}: {body}'),
    'mapping.NAME.items[].attributes.add.NAME.constant': at(`${ITEM}.attributes.add.kind.constant`, 'memo'),
    'mapping.NAME.items[].ttl.attribute': at(`${ITEM}.ttl.attribute`, 'gone'),
    'mapping.NAME.items[].ttl.column': at(`${ITEM}.ttl.column`, 'until'),
    'mapping.NAME.items[].ttl.retention': at(`${ITEM}.ttl.retention`, '11d'),
    'mapping.NAME.items[].ttl.expired': at(`${ITEM}.ttl.expired`, 'skip'),
  };
}

/** What has to stand before the alteration, where that is not in `noteConfig`. */
export const BEFORE: Readonly<Partial<Record<SettingPath, (config: LooseConfig) => void>>> = {
  'mapping.NAME.items[].attributes.columns': listed('at', 'ver', 'other_ver', 'body'),
  'source.tables[].wholeTable.maxRows': at('source.table.wholeTable', { maxRows: 1_000 }),
  'source.tables[].wholeTable.maxBytes': at('source.table.wholeTable', { maxRows: 1_000 }),
  ...Object.fromEntries(
    ['name', 'partitionKey.name', 'partitionKey.type', 'sortKey.name', 'sortKey.type', 'projection'].map((key) => [
      `target.create.indexes[].${key}`,
      at('target.create.indexes', index({})),
    ]),
  ),
};
