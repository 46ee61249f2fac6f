import { describe, expect, test } from 'vitest';
import { alter, faultsOf, load, rightConfig } from './config-file.js';

const ITEM = 'mapping.messages.items.0';
const ITEM_PATH = 'mapping.messages.items[0]';
const KEY = { name: 'pk', template: '{a}' };
const LIVE = (attribute: string, tombstoneRetention?: string) => ({
  table: 'messages',
  writeCapacity: 1000,
  liveWriter: 'concurrent',
  version: { attribute, ...(tombstoneRetention === undefined ? {} : { tombstoneRetention }) },
});

/** One alteration of the right config, and how its only fault begins (`path|fact`), and what its hint holds. */
const SINGLE_FAULTS: readonly (readonly [path: string, value: unknown, fault: string, hint: string])[] = [
  // shapes
  ['sauce', {}, 'sauce|is not a known key', 'did you mean source?'],
  ['zzzzzz', {}, 'zzzzzz|is not a known key', 'known keys here: state, stateMoves, source, target, mapping'],
  ['target.writeCapacity', undefined, 'target.writeCapacity|is missing', 'write capacity units a second'],
  ['target.writeCapacity', 0, 'target.writeCapacity|must be at least 1, is 0', 'capacity units'],
  ['target.writeCapacity', 1.5, 'target.writeCapacity|must be a whole number, is a number', 'capacity units'],
  ['target.writeCapacity', '1000', 'target.writeCapacity|must be a number, is text', 'without quotes'],
  ['target.region', 'EU Central', 'target.region|must be an AWS region', 'AWS region'],
  ['target.endpoint', 'localhost:8000', 'target.endpoint|must be a URL', 'DynamoDB Local'],
  ['target.liveWriter', 'concurent', 'target.liveWriter|must be one of none, concurrent', 'did you mean concurrent?'],
  ['target.table', 'a b c', 'target.table|must be 3 to 255 characters', 'name of the DynamoDB table'],
  ['target.create', { billing: 'on-demnd' }, 'target.create.billing|must be one of', 'did you mean on-demand?'],
  ['state', 7, 'state|must be text, is a number', 'in quotes'],
  ['source.shards', { id: 's01' }, 'source.shards|must be a list, is a map of keys', 'begin each entry with `- `'],
  ['source.shards', [], 'source.shards|must have at least one entry', 'MySQL servers'],
  ['source.shards.1.id', 's/2', 'source.shards[1].id|must be 1 to 64 letters', 'state file'],
  ['source.shards.1.id', '..', 'source.shards[1].id|must be 1 to 64 letters', 'state file'],
  ['source.shards.1.host', 'mysql://db2', 'source.shards[1].host|must be only a host name', 'host name'],
  ['source.shards.1.host', 'db2:3306', 'source.shards[1].host|must be only a host name', 'host name'],
  ['source.shards.1.port', 70_000, 'source.shards[1].port|must be at most 65535, is 70000', 'TCP port'],
  ['source.shards.1.port', null, 'source.shards[1].port|is empty', 'fill it in: TCP port'],
  ['source.shards.1.user', '', 'source.shards[1].user|is empty', 'fill it in: MySQL user'],
  ['source.shards.1.tls', { mode: 'verfy' }, 'source.shards[1].tls.mode|must be one of', 'did you mean verify?'],
  ['source.table.scanKey', 'id', 'source.table.scanKey|must be a list, is text', 'begin each entry with `- `'],
  ['source.limits', { chunkMs: 0 }, 'source.limits.chunkMs|must be at least 1, is 0', 'milliseconds'],
  [`${ITEM}.partitionKey.type`, 'X', `${ITEM_PATH}.partitionKey.type|must be one of S, N, B`, 'S (text)'],
  [`${ITEM}.partitionKey.template`, { a: null }, `${ITEM_PATH}.partitionKey.template|must be text`, 'put it in quotes'],
  [
    `${ITEM}.partitionKey.spread`,
    { by: 'a', shards: 0 },
    `${ITEM_PATH}.partitionKey.spread.shards|must be at least 1`,
    'suffixes',
  ],
  [
    `${ITEM}.sortKey.spread`,
    { by: 'a', shards: 2 },
    `${ITEM_PATH}.sortKey.spread|is not a known key`,
    'known keys here',
  ],
  [
    `${ITEM}.attributes`,
    { columns: 'al' },
    `${ITEM_PATH}.attributes.columns|must be \`all\` or a list`,
    'columns that',
  ],
  [`${ITEM}.attributes`, { add: { x: {} } }, `${ITEM_PATH}.attributes.add.x|must have either`, 'template'],
  [
    `${ITEM}.attributes`,
    { add: { x: { template: 'a', constant: 1 } } },
    `${ITEM_PATH}.attributes.add.x|must have either`,
    'constant',
  ],
  [
    `${ITEM}.attributes`,
    { add: { x: { constant: 0.1234567890123456 } } },
    `${ITEM_PATH}.attributes.add.x.constant|has more than 15 digits`,
    'same value',
  ],
  [
    `${ITEM}.ttl`,
    { attribute: 'e', column: 'c', retention: '400' },
    `${ITEM_PATH}.ttl.retention|must be a whole number with a unit`,
    '400d',
  ],
  // No shell reads it.
  ['state', '~/state', 'state|begins with ~', 'folder of the state files'],
  ['source.shards.1.tls', { ca: '~/ca.pem' }, 'source.shards[1].tls.ca|begins with ~', 'certificate authority'],
  // between fields
  ['target.liveWriter', 'concurrent', 'target.liveWriter|is concurrent, but nothing says', 'target.version: {'],
  ['target.version', { attribute: 'v' }, 'target.version|is of use only with `liveWriter: concurrent`', 'concurrent'],
  ['target', LIVE('pk'), `target.version.attribute|is ${ITEM_PATH}.partitionKey.name`, 'a counter'],
  ['target', LIVE('sk'), `target.version.attribute|is ${ITEM_PATH}.sortKey.name`, 'a counter'],
  // 300 s of patience, 10 s of lag, 20 minutes until no write can land any more, 5 to spare.
  ['target', LIVE('v', '1809s'), 'target.version.tombstoneRetention|is too short', 'keep them longer'],
  [
    'target',
    { ...LIVE('v', '1h'), retryTimeoutSeconds: 3_600 },
    'target.version.tombstoneRetention|is too short',
    'target.retryTimeoutSeconds',
  ],
  [
    'target',
    { ...LIVE('v'), version: { attribute: 'v', tombstoneRetentio: '7d' } },
    'target.version.tombstoneRetentio|is not a known key',
    'did you mean tombstoneRetention?',
  ],
  ['target', LIVE('v', 'for ever'), 'target.version.tombstoneRetention|must be a whole number with a unit', '7d'],
  ['source.shards.1.id', 's01', 'source.shards[1].id|repeats source.shards[0].id', 'its own name'],
  ['source.shards.1.id', 'S01', 'source.shards[1].id|repeats source.shards[0].id', 'its own name'],
  ['source.shards.1.password', 'hunter2', 'source.shards[1].password|is written in plain text', '${NAME}'],
  ['source.shards.1.password', 'x${S02_PASSWORD}', 'source.shards[1].password|is written in plain text', '${NAME}'],
  ['source.shards.1.tls', { mode: 'off' }, 'source.shards[1].tls.mode|is off, but the host is not loopback', 'verify'],
  [
    'source.shards.1.tls',
    { mode: 'required', ca: 'a' },
    'source.shards[1].tls.ca|has no effect with mode: required',
    'verify',
  ],
  [
    'source.shards.1.tls',
    { ca: 'a', profile: 'amazon-rds' },
    'source.shards[1].tls.profile|is given together with `ca`',
    'keep',
  ],
  ['source.table', undefined, 'source|has neither `table` nor `tables`', 'name the tables'],
  [
    'source.table',
    { name: 'messages', scanKey: ['id'], wholeTable: { maxRows: 9 } },
    'source.table.wholeTable|is given together with `scanKey`',
    'keep only `scanKey`',
  ],
  ['source.table.wholeTable', {}, 'source.table.wholeTable.maxRows|is missing', 'most rows'],
  ['source.tables', [{ name: 'messages' }], 'source|has both `table` and `tables`', 'name the tables'],
  [
    'mapping.mesages',
    { items: [{ partitionKey: KEY, sortKey: { name: 'sk', template: 'a' } }] },
    'mapping.mesages|maps a table',
    'did you mean messages?',
  ],
  [
    'target.create',
    {
      indexes: [
        { name: 'gsi', partitionKey: { name: 'a' } },
        { name: 'gsi', partitionKey: { name: 'b' } },
      ],
    },
    'target.create.indexes[1].name|repeats',
    'its own name',
  ],
  [`${ITEM}.sortKey.name`, 'pk', `${ITEM_PATH}.sortKey.name|repeats ${ITEM_PATH}.partitionKey.name`, 'its own name'],
  [
    `${ITEM}.partitionKey.spread`,
    { by: 'a', shards: 2, overrides: { AC1: 4 } },
    `${ITEM_PATH}.partitionKey.spread.overrides|names accounts`,
    'add account',
  ],
  [
    `${ITEM}.attributes`,
    { columns: ['a'], drop: ['b'] },
    `${ITEM_PATH}.attributes.drop|is given together with`,
    'columns: all',
  ],
  [`${ITEM}.attributes`, { columns: ['a', 'a'] }, `${ITEM_PATH}.attributes.columns[1]|repeats`, 'its own'],
  [
    `${ITEM}.attributes`,
    { drop: ['a'], rules: { a: {} } },
    `${ITEM_PATH}.attributes.rules.a|is a rule for a column that \`drop\``,
    'one of the two',
  ],
  [
    `${ITEM}.attributes`,
    { columns: ['a'], rules: { b: {} } },
    `${ITEM_PATH}.attributes.rules.b|is a rule for a column that \`columns\``,
    'add the column there',
  ],
  [
    `mapping.messages.items.1`,
    { partitionKey: KEY },
    'mapping.messages.items[1]|and mapping.messages.items[0] differ',
    'one key schema',
  ],
  [
    `mapping.messages.items.1`,
    { partitionKey: { ...KEY, name: 'p' }, sortKey: { name: 'sk', template: 'a' } },
    'mapping.messages.items[1].partitionKey.name|differs',
    'one key schema',
  ],
  [
    `mapping.messages.items.1`,
    { partitionKey: KEY, sortKey: { name: 'sk', type: 'N', template: 'a' } },
    'mapping.messages.items[1].sortKey.type|differs',
    'one key schema',
  ],
];

describe('a single fault', () => {
  test.each(SINGLE_FAULTS)('loadConfig reports a single fault of %s: %j', async (path, value, fault, hint) => {
    const faults = await faultsOf(alter(rightConfig(), path, value));
    expect(faults).toHaveLength(1);
    const [at, fact] = fault.split('|');
    expect(faults[0]).toMatch(/ \(line \d+\) /);
    expect(faults[0]?.replace(/ \(line \d+\) /, '|').startsWith(`${at}|${fact}`), faults[0]).toBe(true);
    expect(faults[0]?.split(' -> ')[1]).toContain(hint);
    expect(faults[0]).not.toContain('hunter2');
  });

  test('loadConfig reports a table without a mapping, and a mapping without a table', async () => {
    const faults = await faultsOf(alter(rightConfig(), 'source.table.name', 'accounts'));
    expect(faults).toEqual([
      expect.stringContaining('source.table.name (line 15) names a table that has no mapping'),
      expect.stringContaining('mapping.messages (line 20) maps a table that source does not name'),
    ]);
  });
});

describe('a config with many faults', () => {
  const text = `stat: ./state
source:
  shards:
    - id: s01
      host: db1
      port: 99999
      user: root
      password: hunter2
      database: one
    - id: s01
      host: db2
      user: \${UNSET_USER}
      password: \${S02_PASSWORD}
      password: \${S02_PASSWORD}
      tls: {mode: off}
  table: {name: messages}
target:
  table: messages
  writeCapacty: 1000
mapping:
  message:
    items:
      - partitionKey: {name: pk, template: '{a}', spread: {by: x, shards: 0, overrides: {a: 2}}}
`;

  test('loadConfig reports each of many faults with its path and line, in their order', async () => {
    const { error } = await load(text);
    expect(error?.code).toBe('E_CONFIG_INVALID');
    expect(error?.exitCode).toBe(2);
    expect(error?.message).toMatch(/dynaferry\.yaml has 14 faults$/);
    expect(error?.faults.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'E_CONFIG_INVALID stat (line 1) is not a known key',
      'E_CONFIG_INVALID source.shards[0].port (line 6) must be at most 65535, is 99999',
      'E_CONFIG_INVALID source.shards[0].password (line 8) is written in plain text in the file',
      'E_CONFIG_INVALID source.shards[1].database (line 10) is missing',
      'E_CONFIG_INVALID source.shards[1].id (line 10) repeats source.shards[0].id',
      'E_CONFIG_ENV source.shards[1].user (line 12) uses the environment variable UNSET_USER, which is not set',
      'E_CONFIG_INVALID source.shards[1].password (line 14) is given twice',
      'E_CONFIG_INVALID source.shards[1].tls.mode (line 15) is off, but the host is not loopback',
      'E_CONFIG_INVALID source.table.name (line 16) names a table that has no mapping',
      'E_CONFIG_INVALID target.writeCapacity (line 17) is missing',
      'E_CONFIG_INVALID target.writeCapacty (line 19) is not a known key',
      'E_CONFIG_INVALID mapping.message (line 21) maps a table that source does not name',
      'E_CONFIG_INVALID mapping.message.items[0].partitionKey.spread.shards (line 23) must be at least 1, is 0',
      'E_CONFIG_INVALID mapping.message.items[0].partitionKey.spread.overrides (line 23) names accounts, but spread has no `account`',
    ]);
  });

  test('loadConfig gives the next step of each fault, and quotes no secret', async () => {
    const { error } = await load(text);
    expect(error?.faults.every(({ hint }) => hint.length > 10)).toBe(true);
    expect(JSON.stringify(error?.faults)).not.toMatch(/hunter2|007/);
  });
});
