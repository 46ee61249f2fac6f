/**
 * Sources that refuse, are not there, or hold tables that cannot be followed: told by the preflight, in seconds, with
 * nothing written.
 */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { describe, expect, it } from 'vitest';
import {
  createMigration,
  onePair,
  serverPairs,
  type ConfigDocument,
  type MigrationOptions,
} from '../../support/migration.js';
import { expectRefusal, jsonError, type Refusal } from './refusal.js';

const EVENTS =
  'CREATE TABLE events (account INT NOT NULL, seq INT NOT NULL, body VARCHAR(100) NOT NULL, PRIMARY KEY (account, seq))';
const ROWS = "INSERT INTO events VALUES (1, 9, 'first'), (1, 10, 'second'), (2, 1, 'third')";

function eventsConfig(config: ConfigDocument): void {
  config.source.table = { name: 'events' };
  const partitionKey = { name: 'pk', template: 'ACCT#{account}' };
  config.mapping = { events: { items: [{ partitionKey, sortKey: { name: 'sk', template: '{seq:pad(10)}' } }] } };
}

/** The first item rule of table `events`, to be altered in place. */
function rule(config: ConfigDocument): Record<string, unknown> {
  const mapping = config.mapping['events'] as { items: Record<string, unknown>[] };
  return mapping.items[0] ?? {};
}

interface Case extends Pick<MigrationOptions, 'servers'> {
  readonly sql?: readonly string[];
  readonly spoil?: (config: ConfigDocument) => void;
  readonly env?: Readonly<Record<string, string>>;
  readonly repairSql?: string;
  readonly repair?: (config: ConfigDocument) => void;
}

/** check and backfill refuse alike, target and state untouched; once repaired, all rows move. */
async function refusedUntilRepaired(refused: Case, ...refusals: readonly Refusal[]): Promise<void> {
  const { servers, sql = [EVENTS, ROWS], spoil, env = {}, repairSql, repair = eventsConfig } = refused;
  await using migration = await createMigration({ servers, rows: () => sql, config: eventsConfig });
  migration.configure(spoil ?? (() => undefined));
  const check = await migration.run(['check'], { env });
  expectRefusal(check, ...refusals);
  const backfill = await migration.run(['backfill', '--json'], { env });
  const { error, faults } = jsonError(backfill);
  for (const { code } of refusals) expect([error, ...faults].map((fault) => fault.code)).toContain(code);
  expect(backfill.code).toBe(refusals[0]?.exit);
  for (const secret of Object.values(env)) {
    for (const { stdout, stderr } of [check, backfill]) expect(stdout + stderr).not.toContain(secret);
  }
  expect(await migration.items()).toEqual([]);
  expect(existsSync(migration.stateFolder)).toBe(false);

  if (repairSql !== undefined) await migration.databases[0]?.query(repairSql);
  migration.configure(repair);
  expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
  expect(await migration.items()).toHaveLength(3);
}

const shard =
  (login: Record<string, unknown>) =>
  (config: ConfigDocument): void =>
    void Object.assign(config.source.shards[0] ?? {}, login);

describe.each(serverPairs)('a source that cannot be used: $name', { timeout: 120_000 }, (servers) => {
  const { port } = servers.mysql;

  it('dynaferry refuses a source port where nothing listens, until the config names the right one', async () => {
    const server = createServer();
    const unused = await listening(server);
    await closed(server);
    await refusedUntilRepaired(
      { servers, spoil: shard({ port: unused }), repair: shard({ port }) },
      { code: 'E_SOURCE_CONNECT', exit: 4, fact: /shard s01: .*ECONNREFUSED/, next: /host and port/ },
    );
  });

  it('dynaferry refuses a wrong MySQL password, and does not show it', async () => {
    await refusedUntilRepaired(
      {
        servers,
        spoil: shard({ password: '${WRONG_PASSWORD}' }),
        env: { WRONG_PASSWORD: 'hunter2-hunter2' },
        repair: shard({ password: '${MYSQL_PASSWORD}' }),
      },
      {
        code: 'E_SOURCE_ACCESS',
        exit: 4,
        fact: /shard s01: .*refused the user or the password/,
        next: /check the user, the password and the host/,
      },
    );
  });

  it('dynaferry refuses a source without the table that the config names', async () => {
    await refusedUntilRepaired(
      {
        servers,
        sql: [EVENTS.replace('events', 'evnts'), ROWS.replace('events', 'evnts')],
        repairSql: 'RENAME TABLE evnts TO events',
      },
      { code: 'E_TABLE_MISSING', exit: 3, fact: /shard s01: .*\bevents\b/, next: /source\.table/ },
    );
  });

  it('dynaferry refuses a source table without a unique key', async () => {
    await refusedUntilRepaired(
      {
        servers,
        sql: [EVENTS.replace('PRIMARY KEY', 'KEY'), ROWS],
        repairSql: 'ALTER TABLE events ADD PRIMARY KEY (account, seq)',
      },
      { code: 'E_TABLE_NO_KEY', exit: 3, fact: /events/, next: /unique key/ },
    );
  });
});

describe.each(onePair)('a source that does not fit: $name', { timeout: 120_000 }, (servers) => {
  const { port } = servers.mysql;

  it('dynaferry refuses a source that listens but never answers', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined));
    const mute = await listening(server);
    const silent = (config: ConfigDocument): void => {
      shard({ port: mute })(config);
      // So long as a connection is waited for, too.
      Object.assign(config.source.limits, { statementIdleTimeoutSeconds: 2 });
    };
    try {
      await refusedUntilRepaired(
        { servers, spoil: silent, repair: shard({ port }) },
        { code: 'E_SOURCE_CONNECT', exit: 4, fact: /shard s01: .*ETIMEDOUT/, next: /host and port/ },
      );
    } finally {
      await closed(server);
    }
  });

  it('dynaferry refuses a mapping that names a column which the source lacks', async () => {
    await refusedUntilRepaired(
      {
        servers,
        spoil: (config) => Object.assign(rule(config), { partitionKey: { name: 'pk', template: 'ACCT#{acount}' } }),
      },
      { code: 'E_MAPPING_COLUMN', exit: 2, fact: /partitionKey\.template \(line \d+\): .*acount/, next: /"?account"?/ },
    );
  });

  it('dynaferry refuses a sort key template whose number would not sort in order as text', async () => {
    await refusedUntilRepaired(
      { servers, spoil: (config) => Object.assign(rule(config), { sortKey: { name: 'sk', template: '{seq}' } }) },
      {
        code: 'E_MAPPING_UNSORTABLE',
        exit: 2,
        fact: /sortKey\.template \(line \d+\): .*seq.*10 before 9/,
        next: /\{seq:/,
      },
    );
  });

  it('dynaferry refuses item keys that leave out the column which tells the rows apart', async () => {
    await refusedUntilRepaired(
      { servers, spoil: (config) => Object.assign(rule(config), { sortKey: { name: 'sk', template: '{body}' } }) },
      {
        code: 'E_ITEM_KEY_NOT_UNIQUE',
        exit: 3,
        fact: /two rows could share an item key.*events/,
        next: /all columns of one unique key/,
      },
    );
  });

  it('dynaferry names all faults of a source that does not fit the mapping in several ways', async () => {
    await refusedUntilRepaired(
      {
        servers,
        spoil: (config) =>
          Object.assign(rule(config), {
            partitionKey: { name: 'pk', template: 'ACCT#{acount}' },
            sortKey: { name: 'sk', template: '{seq}' },
          }),
      },
      { code: 'E_MAPPING_COLUMN', exit: 2, fact: /acount/, next: /account/ },
      { code: 'E_MAPPING_UNSORTABLE', exit: 2, fact: /seq/, next: /\{seq:/ },
    );
  });
});

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
