import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';
import { alter, load, loadRight, rightConfig } from './config-file.js';

describe('loadConfig', () => {
  test('loadConfig fills in every default', async () => {
    const { config, folder } = await load(rightConfig());
    expect({ ...config, lineOf: null, writtenAt: null, toSend: null }).toEqual({
      file: join(folder, 'dynaferry.yaml'),
      stateMoves: false,
      state: join(folder, 'state'),
      lineOf: null,
      writtenAt: null,
      toSend: null,
      source: {
        shards: [
          {
            id: 's01',
            host: '127.0.0.1',
            port: 3310,
            user: 'ferry',
            password: 'p:a{s}s',
            database: 'one',
            tls: { mode: 'off', ca: null, profile: null },
            replicas: [],
          },
          {
            id: 's02',
            host: 'db2.internal',
            port: 3306,
            user: 'ferry',
            password: '007',
            database: 'two',
            tls: { mode: 'verify', ca: null, profile: null },
            replicas: [],
          },
        ],
        tables: [
          { name: 'messages', where: null, scanKey: null, wholeTable: null, shardedBy: null, globallyUnique: [] },
        ],
        limits: {
          scansPerServer: 4,
          rangesPerTable: 16,
          chunkMs: 250,
          chunkRows: 2000,
          chunkBytes: 4 * 1024 * 1024,
          maxReplicaLagSeconds: 10,
          maxThreadsRunning: 64,
          statementIdleTimeoutSeconds: 120,
          retryTimeoutSeconds: 300,
          maxPauseSeconds: 21_600,
        },
      },
      target: {
        table: 'messages',
        region: null,
        endpoint: null,
        writeCapacity: 1000,
        readCapacity: 1000,
        maxInFlightRequests: 32,
        retryTimeoutSeconds: 300,
        liveWriter: 'none',
        version: null,
        create: { billing: 'on-demand', indexes: [] },
      },
      verify: { maxAgeSeconds: 3_600 },
      mapping: {
        messages: {
          items: [
            {
              name: 'item 1',
              partitionKey: { name: 'pk', type: 'S', template: 'ACCT#{account_sid}', spread: null },
              sortKey: { name: 'sk', type: 'S', template: '{created_at:iso}#{message_sid}', spread: null },
              attributes: { columns: 'all', drop: [], rules: {}, add: {} },
              ttl: null,
            },
          ],
        },
      },
    });
  });

  test('loadConfig takes what the file says of a mapping', async () => {
    const item = {
      name: 'message',
      partitionKey: {
        name: 'pk',
        type: 'B',
        template: '{a}',
        spread: { by: 'sid', shards: 1, account: 'a', overrides: { AC1: 64 } },
      },
      attributes: {
        columns: ['a', 'b'],
        rules: { b: { name: 'bee', type: 'N', format: 'epoch-ms', null: 'keep' } },
        add: {
          kind: { constant: 'message' },
          version: { constant: 1.5 },
          live: { constant: false },
          t: { template: '{a}' },
        },
      },
      ttl: { attribute: 'expires', column: 'created_at', retention: '400d', expired: 'skip' },
    };
    const config = await loadRight(alter(rightConfig(), 'mapping.messages.items', [item]));
    expect(config.mapping['messages']?.items).toEqual([
      {
        ...item,
        sortKey: null,
        attributes: {
          ...item.attributes,
          drop: [],
          add: {
            kind: { kind: 'constant', value: 'message' },
            version: { kind: 'constant', value: 1.5 },
            live: { kind: 'constant', value: false },
            t: { kind: 'template', template: '{a}' },
          },
        },
        ttl: { attribute: 'expires', column: 'created_at', retentionSeconds: 400 * 86_400, expired: 'skip' },
      },
    ]);
  });

  test.each([
    ['36h', 129_600],
    ['90m', 5_400],
    ['30s', 30],
    ['0s', 0],
  ])('loadConfig reads the retention %s as %i seconds', async (retention, seconds) => {
    const ttl = { attribute: 'expires', column: 'created_at', retention };
    const config = await loadRight(alter(rightConfig(), 'mapping.messages.items.0.ttl', ttl));
    expect(config.mapping['messages']?.items[0]?.ttl?.retentionSeconds).toBe(seconds);
  });

  test('loadConfig resolves paths against the folder of the file', async () => {
    const changed = alter(alter(rightConfig(), 'state', '../elsewhere'), 'source.shards.1.tls', { ca: 'certs/ca.pem' });
    const { config, folder } = await load(changed);
    expect(config?.state).toBe(join(folder, '..', 'elsewhere'));
    expect(config?.source.shards[1]?.tls.ca).toBe(join(folder, 'certs/ca.pem'));
  });

  test.each([
    ['127.0.0.1', {}, 'off'],
    ['localhost', {}, 'off'],
    ['::1', {}, 'off'],
    ['127.0.0.1', { tls: { ca: 'ca.pem' } }, 'verify'],
    ['127.0.0.1', { replicas: [{ host: 'replica.internal' }] }, 'verify'],
    ['127.0.0.1.example.com', {}, 'verify'],
    ['localhost.example.com', {}, 'verify'],
    ['db.internal', { tls: { mode: 'required' } }, 'required'],
  ])('loadConfig takes for host %s with the settings %j the TLS mode %s', async (host, more, mode) => {
    const changed = rightConfig();
    Object.assign(changed.source.shards[1] ?? {}, { host, ...more });
    const config = await loadRight(changed);
    expect(config.source.shards[1]?.tls.mode).toBe(mode);
  });

  test('loadConfig freezes the whole config', async () => {
    const config = await loadRight(rightConfig());
    const thawed: string[] = [];
    const walk = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      if (!Object.isFrozen(value)) thawed.push(path);
      for (const [key, part] of Object.entries(value)) walk(part, `${path}.${key}`);
    };
    walk(config, 'config');
    expect(thawed).toEqual([]);
  });

  test('lineOf gives the line of a path, or of its nearest parent', async () => {
    const text = [
      'source:', // 1
      '  shards:',
      '    - &one',
      '      id: s01',
      '      host: localhost',
      '      user: ferry', // 6
      "      password: ''",
      '      database: one',
      '    - <<: *one',
      '      id: s02', // 10
      '  table: { name: messages }',
      'target: { table: messages, writeCapacity: 10 }',
      'mapping:',
      '  messages:',
      '    items:',
      '      - partitionKey:', // 16
      '          name: pk',
      '          template: "{a}"',
    ].join('\n');
    const { lineOf, source } = await loadRight(text);
    expect(source.shards.map(({ id, user }) => `${id} ${user}`)).toEqual(['s01 ferry', 's02 ferry']);
    expect(lineOf(['source', 'shards', 0, 'user'])).toBe(6);
    expect(lineOf(['source', 'shards', 1, 'id'])).toBe(10);
    expect(lineOf(['source', 'shards', 1, 'user'])).toBe(6);
    expect(lineOf(['source', 'shards', 1, 'port'])).toBe(9);
    expect(lineOf(['target', 'region'])).toBe(12);
    expect(lineOf(['mapping', 'messages', 'items', 0, 'partitionKey', 'template'])).toBe(18);
    expect(lineOf([])).toBe(1);
  });

  test('loadConfig reports the line of a path through an alias', async () => {
    const tls = ['x: &tls', '  mode: verfy']; // the key `x` is a fault too
    const shard = '{ id: s01, host: db1, user: ferry, password: "${S01_PASSWORD}", database: one, tls: *tls }';
    const { error } = await load([...tls, 'source:', `  shards: [${shard}]`].join('\n'));
    expect(error?.faults.map(({ message }) => message)).toContain(
      'source.shards[0].tls.mode (line 2) must be one of verify, required, off',
    );
  });

  test('loadConfig keeps keys as they are written', async () => {
    const text = `
source:
  shards: [{ id: s01, host: localhost, user: ferry, password: '', database: one }]
  table: { name: messages }
target: { table: messages, writeCapacity: 10 }
mapping:
  messages:
    items:
      - partitionKey:
          name: pk
          template: '{a}'
          spread: { by: sid, shards: 1, account: a, overrides: { 0042: 8, 12345678901234567890: 16 } }
        attributes: { rules: { null: { null: keep }, true: { name: yes } } }
`;
    const config = await loadRight(text);
    const item = config.mapping['messages']?.items[0];
    expect(item?.partitionKey.spread?.overrides).toEqual({ '0042': 8, '12345678901234567890': 16 });
    expect(Object.keys(item?.attributes.rules ?? {})).toEqual(['null', 'true']);
    expect(item?.attributes.rules['null']?.null).toBe('keep');
    expect(item?.attributes.rules['true']?.name).toBe('yes');
  });

  test('loadConfig takes the config of the fixture', () => {
    const file = new URL('../../../fixtures/postflight/dynaferry.yaml', import.meta.url).pathname;
    const names = [...readFileSync(file, 'utf8').matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name ?? '');
    const valueOf = (name: string): string => {
      if (name.endsWith('_PORT')) return '3306';
      return name.endsWith('_HOST') ? '127.0.0.1' : 'postflight';
    };
    const config = loadConfig(file, Object.fromEntries(names.map((name) => [name, valueOf(name)])));
    expect(config.source.shards.map(({ id, port }) => [id, port])).toEqual([
      ['s01', 3306],
      ['s02', 3306],
    ]);
    expect(config.mapping['messages']?.items.map(({ name }) => name)).toEqual(['message', 'lookup']);
  });

  test('loadConfig takes the settings of hundreds of shards from one anchor', async () => {
    const ids = Array.from({ length: 300 }, (_, index) => `    - { <<: *common, id: s${index}, database: d${index} }`);
    const text = `
source:
  shards:
    - &common { id: first, host: localhost, user: ferry, password: '', database: one }
${ids.join('\n')}
  table: { name: messages }
target: { table: messages, writeCapacity: 10 }
mapping: { messages: { items: [{ partitionKey: { name: pk, template: '{a}' } }] } }
`;
    const config = await loadRight(text);
    expect(config.source.shards).toHaveLength(301);
  });
});

describe('unreadable files', () => {
  test('loadConfig refuses a file that is missing', () => {
    expect(() => loadConfig('/nonexistent/dynaferry.yaml', {})).toThrow(
      expect.objectContaining({
        code: 'E_CONFIG_READ',
        message: 'there is no config file /nonexistent/dynaferry.yaml',
      }),
    );
  });

  test('loadConfig refuses a folder in place of a file', () => {
    expect(() => loadConfig('.', {})).toThrow(
      expect.objectContaining({ code: 'E_CONFIG_READ', message: '. is a folder' }),
    );
  });

  test.each([
    ['a quote that is never closed', 'a: "hunter2\nb: 1\n', 'line 3: a character is missing'],
    ['a tab', 'a:\n\tb: hunter2\n', 'line 2: a tab is used'],
    ['two documents', 'a: 1\n---\nb: hunter2\n', 'line 2: a second document'],
    ['an alias without anchor', 'a: *hunter2\n', 'line 1: an alias'],
    ['an escape', 'a: "\\hunter2"\n', 'line 1: double quotes contain an unknown escape'],
    ['a text behind a flow map', 'a: {b}hunter2\n', 'line 1: '],
    ['a tag', 'a: !hunter2 x\n', 'line 1: a tag'],
    ['a merge of no map', 'a: &a hunter2\nb:\n  <<: *a\n', 'line 3: a merge'],
  ])('loadConfig refuses a file that has %s, and does not quote it', async (_, text, message) => {
    const { error } = await load(text);
    expect(error?.code).toBe('E_CONFIG_READ');
    expect(error?.message).toContain(message);
    expect(JSON.stringify([error?.message, error?.hint, error?.faults])).not.toContain('hunter2');
  });

  test('loadConfig refuses a bomb of aliases', async () => {
    const levels = Array.from({ length: 9 }, (_, i) => `k${i + 1}: &k${i + 1} [${`*k${i}, `.repeat(9)}*k${i}]`);
    const { error } = await load(['k0: &k0 x', ...levels].join('\n'));
    expect(error?.message).toContain('aliases expand without limit');
  });

  test.each([
    ['nothing', ''],
    ['a comment', '# nothing\n'],
    ['text', 'hello'],
    ['a list', '- a\n'],
  ])('loadConfig finds no config in a file that holds %s', async (_, text) => {
    const { error } = await load(text);
    expect(error?.faults).toEqual([
      {
        code: 'E_CONFIG_INVALID',
        message: 'the file (line 1) holds no config',
        hint: 'give it the keys state, source, target and mapping',
      },
    ]);
  });
});
