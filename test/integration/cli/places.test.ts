/** Each command shows where it points: the target, and the MySQL server and database of each shard. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startFaultProxy } from '../../support/fault-proxy.js';
import { PASS } from '../../support/fault-proxy/fates.js';
import { createMigration, dynamodbPairs, onePair } from '../../support/migration.js';
import type { Places } from '../../../src/wiring/look/places.js';

describe.each(dynamodbPairs)('the places of a command: $name', { timeout: 180_000 }, (servers) => {
  it('each command shows table, region, endpoint, and host, port, database and version of each shard', async () => {
    await using migration = await createMigration({ servers, shards: 2, rows: 20 });
    const endpoint = new URL(migration.table.endpoint).href;
    const places = [
      `target: table ${migration.table.name}, region ${migration.env['AWS_REGION']}, emulator at ${endpoint}`,
      ...migration.databases.map((database, index) => {
        const { host, port, database: name } = database.shard();
        return `source s0${index + 1}: ${host}:${port}, database ${name}, `;
      }),
    ];
    const commands = [
      ['backfill', '--all'],
      ['backfill', '--all', '--retry-bad'],
      ['verify', '--all'],
      ['plan'],
      ['diff', '--sample', '1'],
    ];
    for (const args of commands) {
      const { code, stdout, stderr } = await migration.run(args);
      expect(code, stderr).toBe(0);
      for (const place of places) expect(stderr, args.join(' ')).toContain(place);
      expect(stderr).toMatch(/source s01: .*, (mysql|mariadb) \d+\.\d+/);
      expect(stdout, args.join(' ')).not.toContain('source s01:');

      const json = await migration.run([...args, '--json']);
      const document = JSON.parse(json.stdout) as { readonly places: Places };
      expect(document.places, args.join(' ')).toMatchObject({
        target: { table: migration.table.name, emulator: true, account: null, endpoint },
        sources: [{ shard: 's01', server: expect.stringMatching(/^(mysql|mariadb) \d/) as string }, { shard: 's02' }],
      });
      const events = json.stderr.split('\n').filter((line) => line !== '');
      // The others have no run, and so no events.
      const run = ['backfill', 'verify'].includes(args[0] ?? '');
      const emitted = {
        event: 'run.places',
        run: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
        ...document.places,
      };
      expect(events.slice(0, 1).map((line) => JSON.parse(line) as unknown)).toEqual(
        run ? [expect.objectContaining(emitted)] : [],
      );
    }
    const check = await migration.run(['check']);
    for (const place of places) expect(check.stdout).toContain(place);
    const explained = await migration.run(['diff', '--explain', '--json']);
    expect(JSON.parse(explained.stdout)).toMatchObject({ places: { sources: [{ shard: 's01' }] } });
  });
});

describe.each(onePair)('the places of a command that fails: $name', { timeout: 180_000 }, (servers) => {
  it('a refused run shows the wrong endpoint and database before the fault', async () => {
    await using migration = await createMigration({ servers, rows: 20 });
    const unused = createServer().listen(0, '127.0.0.1');
    await once(unused, 'listening');
    const { port } = unused.address() as AddressInfo;
    unused.close();
    await once(unused, 'close');
    const right = migration.databases[0]?.name ?? '';
    migration.configure(({ source }) => Object.assign(source.shards[0] ?? {}, { database: '${DATABASE}' }));
    const env = { DATABASE: 'postflight_staging', AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${port}` };
    for (const args of [['backfill'], ['plan'], ['diff'], ['check']]) {
      const { code, stdout, stderr } = await migration.run(args, { env });
      expect(code, args.join(' ')).toBeGreaterThan(1);
      const told = stdout + stderr;
      expect(told).toContain(`AWS account unknown, endpoint http://127.0.0.1:${port}/`);
      expect(told).toMatch(/source s01: .*database postflight_staging, server version unknown/);
      expect(told).not.toContain(right);
    }
  });

  it('a run shows the AWS account in the ARN of the table, and for a missing table once it is created', async () => {
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => PASS, undefined, {
      control: ({ operation }) =>
        operation !== 'DescribeTable'
          ? PASS
          : {
              kind: 'altered',
              alter: (answer) => {
                const { Table } = answer as { Table?: Record<string, unknown> };
                if (Table === undefined) return answer;
                return { Table: { ...Table, TableArn: 'arn:aws:dynamodb:eu-west-1:123456789012:table/T' } };
              },
            },
    });
    await using migration = await createMigration({ servers, rows: 20, table: 'missing' });
    const env = { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint };
    const created = await migration.run(['backfill', '--create-table'], { env });
    expect(created).toMatchObject({ code: 0 });
    expect(created.stderr).toMatch(
      /the table does not exist, so its AWS account is unknown[^]*target: table \S+, region \S+, AWS account 123456789012, endpoint http/,
    );
    expect((await migration.run(['check'], { env })).stdout).toContain('AWS account 123456789012');
  });
});
