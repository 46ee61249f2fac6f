/**
 * Wrong words and wrong configs: every fault at once, each with its place and the nearest known word; nothing is
 * touched.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMigration, onePair } from '../../support/migration.js';
import { expectRefusal, jsonError } from './refusal.js';

const COMMANDS = [['check'], ['plan'], ['diff'], ['backfill', '--all'], ['verify', '--all'], ['status']];

describe.each(onePair)('a wrong config', (servers) => {
  it('every command refuses a wrong config with all of its faults', async () => {
    await using migration = await createMigration({ servers, rows: () => [] });
    migration.configure((config) => {
      config.source.shards[0] = {
        ...config.source.shards[0],
        hots: 'db1',
        port: 99_999,
        password: '${NO_SUCH_SECRET}',
      };
      config.source.shards.push({ ...config.source.shards[0] });
      config.target['writeCapasity'] = config.target['writeCapacity'];
      delete config.target['writeCapacity'];
      config.mapping['mesages'] = config.mapping['messages'];
      delete config.mapping['messages'];
    });
    for (const command of COMMANDS) {
      const result = await migration.run(command);
      expectRefusal(
        result,
        { code: 'E_CONFIG_INVALID', exit: 2, fact: /shards\[0\]\.hots \(line \d+\)/, next: /host/ },
        { code: 'E_CONFIG_INVALID', exit: 2, fact: /shards\[0\]\.port \(line \d+\).*65,?535/, next: /./ },
        { code: 'E_CONFIG_ENV', exit: 2, fact: /shards\[0\]\.password \(line \d+\).*NO_SUCH_SECRET/, next: /export/ },
        {
          code: 'E_CONFIG_INVALID',
          exit: 2,
          fact: /shards\[1\]\.id \(line \d+\) repeats .*shards\[0\]\.id/,
          next: /./,
        },
        { code: 'E_CONFIG_INVALID', exit: 2, fact: /target\.writeCapasity \(line \d+\)/, next: /writeCapacity/ },
        { code: 'E_CONFIG_INVALID', exit: 2, fact: /target\.writeCapacity/, next: /./ },
        { code: 'E_CONFIG_INVALID', exit: 2, fact: /mapping\.mesages \(line \d+\)/, next: /messages/ },
      );
      expect(result.stdout).toBe('');
    }
    const { error, faults } = jsonError(await migration.run(['check', '--json']));
    expect(error.code).toBe('E_CONFIG_INVALID');
    expect(faults.length).toBeGreaterThanOrEqual(7);
    expect(existsSync(migration.stateFolder)).toBe(false);
  });

  it('check says where a config is not YAML, and which config file it does not find', async () => {
    await using migration = await createMigration({ servers, rows: () => [] });
    writeFileSync(join(migration.folder, 'broken.yaml'), 'source:\n  shards: [\n    - id: s01\n');
    expectRefusal(await migration.run(['check', '-c', 'broken.yaml']), {
      code: 'E_CONFIG_READ',
      exit: 2,
      fact: /^line 3/,
      next: /quotes/,
    });
    expectRefusal(await migration.run(['check', '-c', 'nowhere.yaml']), {
      code: 'E_CONFIG_READ',
      exit: 2,
      fact: /no config file .*nowhere\.yaml/,
      next: /--config/,
    });
  });
});

describe.each(onePair)('wrong words on the command line', (servers) => {
  const cases = [
    { args: ['backfil', '--all'], says: /backfill/ },
    { args: ['backfill', '--al'], says: /--all/ },
    { args: ['backfill', '--all', '--jobs', 'many'], says: /whole number/ },
    { args: ['backfill', '--all', '--shard', 's01'], says: /--shard/ },
    { args: ['check', '--shard', 's1'], says: /E_SHARD_UNKNOWN.*"s1"(.|\n)*did you mean "s01"/ },
    { args: ['diff', '--keys', 'AC-none,SM-none'], says: /no shard has a row with such a key/ },
  ];
  it.each(cases)('dynaferry refuses the command line $args with exit code 2', async ({ args, says }) => {
    await using migration = await createMigration({ servers, rows: 5 });
    const result = await migration.run(args);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toMatch(says);
    expect(result.stderr).toMatch(/^error E_\w+: /m);
  });
});
