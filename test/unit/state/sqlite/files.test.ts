import { join } from 'node:path';
import { expect, test } from 'vitest';
import { shardFiles } from '../../../../src/state/sqlite/files.js';

test.each(['s01', 'eu-1.shard_7', '0', '_x'])('shardFiles takes %s as a file name in the folder', (shard) => {
  expect(shardFiles('folder', shard)).toMatchObject({
    file: join('folder', `${shard}.db`),
    lock: join('folder', `${shard}.lock`),
  });
});

test.each(['', '.', '..', '../s01', 'a/b', 'a\\b', '.hidden', 's 01', 's01\0', 'item-keys'])(
  'shardFiles refuses %j as a file name',
  (shard) => {
    expect(() => shardFiles('folder', shard)).toThrow(expect.objectContaining({ code: 'E_CONFIG_INVALID' }));
  },
);
