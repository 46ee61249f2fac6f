/** What a shard's process gets in place of the file, over the border between two processes. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Path } from '../../../src/core/text/config-path.js';
import { loadConfig } from '../../../src/config/load.js';
import type { Config } from '../../../src/config/model.js';
import { receivedConfig } from '../../../src/config/sent.js';
import { alter, loadRight, rightConfig } from './config-file.js';

const FIXTURES = fileURLToPath(new URL('../../../fixtures', import.meta.url));
const files = ['postflight', 'examples'].flatMap((folder) =>
  readdirSync(join(FIXTURES, folder))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(FIXTURES, folder, name)),
);

/** Any variable that a fixture takes. */
const ANY: NodeJS.ProcessEnv = new Proxy({}, { get: (_, name) => (String(name).endsWith('PORT') ? '3307' : 'seven') });

/** As Node sends messages between processes. */
const overPipe = (config: Config): Config =>
  receivedConfig(JSON.parse(JSON.stringify(config.toSend())) as ReturnType<Config['toSend']>);

function pathsOf(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const steps = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return [
    path,
    ...steps.flatMap((step) => pathsOf((value as Record<string | number, unknown>)[step], [...path, step])),
  ];
}

function expectSame(config: Config, paths: readonly Path[]): void {
  const received = overPipe(config);
  expect({ ...received, lineOf: 0, writtenAt: 0, toSend: 0 }).toEqual({
    ...config,
    lineOf: 0,
    writtenAt: 0,
    toSend: 0,
  });
  expect(Object.isFrozen(received.source.shards[0]) && Object.isFrozen(received.mapping)).toBe(true);
  for (const path of paths) {
    expect(received.writtenAt(path), JSON.stringify(path)).toBe(config.writtenAt(path));
    if (path[1] === 'shards' || path.includes('overrides')) continue;
    expect(received.lineOf(path), JSON.stringify(path)).toBe(config.lineOf(path));
    expect(received.lineOf([...path, 'none', 3]), JSON.stringify(path)).toBe(config.lineOf([...path, 'none', 3]));
  }
}

test.each(files)('receivedConfig is the config that the file gave, each line and each variable: %s', async (file) => {
  const { readFile } = await import('node:fs/promises');
  const config = loadConfig(file, ANY);
  expectSame(config, pathsOf(parse(await readFile(file, 'utf8'), { merge: true })));
});

test('receivedConfig keeps constants of every type, and settings that take variables', async () => {
  const document = rightConfig();
  alter(document, 'mapping.messages.items.0.attributes', {
    add: Object.fromEntries(['', 'ü$${', 0, -1.5, 12345678901234, true].map((constant, i) => [`a${i}`, { constant }])),
  });
  alter(document, 'source.shards.0.user', '${S01_PASSWORD}');
  const config = await loadRight(document);
  expect(config.writtenAt(['source', 'shards', 0, 'user'])).toBe('${S01_PASSWORD}');
  expectSame(config, pathsOf(document));
});

test('a sent config grows by a shard no more than by the settings of the shard', async () => {
  const sizeOf = async (shards: number): Promise<number> => {
    const document = rightConfig();
    const [shard] = document.source.shards;
    alter(
      document,
      'source.shards',
      Array.from({ length: shards }, (_, i) => ({ ...shard, id: `s${i}`, port: 4000 + i })),
    );
    return JSON.stringify((await loadRight(document)).toSend()).length;
  };
  expect(((await sizeOf(101)) - (await sizeOf(1))) / 100).toBeLessThan(400);
});

test('a sent config grows by an account with partitions of its own no more than by its name and number', async () => {
  const sizeOf = async (accounts: number): Promise<number> => {
    const document = rightConfig();
    const overrides = Object.fromEntries(Array.from({ length: accounts }, (_, i) => [`AC${i}`, 8]));
    const spread = { by: 'sid', shards: 1, account: 'account_sid', overrides };
    alter(document, 'mapping.messages.items.0.partitionKey.spread', spread);
    return JSON.stringify((await loadRight(document)).toSend()).length;
  };
  expect(((await sizeOf(1_001)) - (await sizeOf(1))) / 1_000).toBeLessThan(20);
});
