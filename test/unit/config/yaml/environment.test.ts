import { describe, expect, test } from 'vitest';
import { alter, ENV, faultsOf, load, loadRight, rightConfig } from '../config-file.js';

const SECRET = 's3cr3t-value';

describe('environment variables', () => {
  test.each([
    ['${DB}', 'one'],
    ['pre_${DB}_${DB}', 'pre_one_one'],
    ['$${DB}', '${DB}'],
    ['$DB {DB} $', '$DB {DB} $'],
  ])('loadConfig expands the environment variables of %s to %s', async (written, taken) => {
    const config = await loadRight(alter(rightConfig(), 'source.shards.0.database', written), { ...ENV, DB: 'one' });
    expect(config.source.shards[0]?.database).toBe(taken);
  });

  test('loadConfig takes the value of an environment variable as text, never as YAML', async () => {
    const changed = alter(rightConfig(), 'source.shards.0.database', '${DB}');
    for (const DB of ['true', '0x10', '{a: b}', '*x', 'a: b', '"', '${OTHER}', '007']) {
      const config = await loadRight(changed, { ...ENV, DB });
      expect(config.source.shards[0]?.database).toBe(DB);
    }
  });

  test('loadConfig takes the value of an environment variable as a number where the setting is a number', async () => {
    const changed = alter(alter(rightConfig(), 'source.shards.0.port', '${PORT}'), 'target.writeCapacity', '${WCU}');
    const config = await loadRight(changed, { ...ENV, PORT: '3399', WCU: '25000' });
    expect(config.source.shards[0]?.port).toBe(3399);
    expect(config.target.writeCapacity).toBe(25_000);
  });

  test('loadConfig accepts an empty environment variable, and refuses an unset one', async () => {
    const config = await loadRight(rightConfig(), { ...ENV, S01_PASSWORD: '' });
    expect(config.source.shards[0]?.password).toBe('');
    const { error } = await load(rightConfig(), { S02_PASSWORD: 'x' });
    expect(error?.faults).toEqual([
      {
        code: 'E_CONFIG_ENV',
        message: 'source.shards[0].password (line 7) uses the environment variable S01_PASSWORD, which is not set',
        hint: 'export S01_PASSWORD in the environment that starts dynaferry',
      },
    ]);
  });

  test.each(['${}', '${A B}', '${1A}', '${OPEN'])(
    'loadConfig refuses %s, which names no environment variable',
    async (written) => {
      const faults = await faultsOf(alter(rightConfig(), 'source.shards.0.database', written));
      expect(faults).toEqual([
        expect.stringMatching(/^source\.shards\[0\]\.database \(line \d+\) has a \$\{ that does not name/),
      ]);
    },
  );

  test.each([
    ['source.shards.0.port'],
    ['source.shards.0.id'],
    ['source.shards.0.tls.mode'],
    ['source.shards.0.host'],
    ['target.table'],
    ['source.table.name'],
    ['target.endpoint'],
    ['target.writeCapacity'],
    ['target.liveWriter'],
    ['mapping.messages.items.0.partitionKey.type'],
    ['mapping.messages.items.0.attributes.columns'],
  ])('loadConfig never shows the value of an environment variable in a message: %s', async (path) => {
    for (const value of [`${SECRET}/ ${SECRET}`, '987654321987654321', 'nonee', 'message_']) {
      const faults = await faultsOf(alter(rightConfig(), path, '${VALUE}'), { ...ENV, VALUE: value });
      for (const fault of faults) {
        expect(fault).not.toContain(value);
        expect(fault).not.toContain(SECRET);
        expect(fault).not.toContain('did you mean');
      }
    }
  });

  test('loadConfig says to correct the environment variable where its value is the fault', async () => {
    const changed = alter(rightConfig(), 'source.shards.0.port', '${PORT}');
    expect(await faultsOf(changed, { ...ENV, PORT: '99999' })).toEqual([
      'source.shards[0].port (line 5) must be at most 65535 -> correct the environment variable; expected: TCP port of the MySQL server; default: 3306',
    ]);
  });
});
