/**
 * Sets up a migration of two shards on two MySQL servers. s01 is on a server of the test's own, which suffers. s02 is
 * on the one that all tests share, which must not suffer. The table is `notes`: an id, a body of a few letters, and
 * what a test adds.
 */
import { readShardStatus, type ShardStatus } from '../../src/state/status/read-status.js';
import { createMigration, type ConfigDocument, type Migration, type Servers } from './migration.js';
import { createDatabase, type TestDatabase } from './mysql.js';
import type { CliResult, RunningCli } from './cli.js';
import type { OwnMysql } from './own-mysql.js';

export interface TwoSources extends AsyncDisposable {
  readonly migration: Migration;
  /** The database of s01. */
  readonly suffering: TestDatabase;
  readonly env: Readonly<Record<string, string>>;
  run(args: readonly string[], timeoutMs?: number): Promise<CliResult>;
  spawn(args: readonly string[]): Promise<RunningCli>;
  /** A database like that of s01, of its name, on the shared server. */
  copyElsewhere(): Promise<TestDatabase>;
  /** Reads the status of s01 from its state file. */
  status(): ShardStatus | null;
  /** Rows of s01 in committed chunks of its backfill. */
  committed(): number;
}

/** An account for each shard, so that no two rows share an item key. */
const NOTES = (shard: string, rows: number): readonly string[] => [
  'CREATE TABLE notes (account VARCHAR(8) NOT NULL, id INT NOT NULL, body VARCHAR(40), PRIMARY KEY (account, id))',
  ...Array.from({ length: Math.ceil(rows / 1_000) }, (_, part) => {
    const ids = Array.from({ length: Math.min(1_000, rows - part * 1_000) }, (_, i) => part * 1_000 + i);
    return `INSERT INTO notes VALUES ${ids.map((id) => `('${shard}', ${id}, 'note ${id}')`).join()}`;
  }),
];

/** Each shard has a budget of its own making that a run of `rows` takes so many seconds for. */
export function lasting(seconds: number, rows: number): (config: ConfigDocument) => void {
  return ({ target }) =>
    void Object.assign(target, { writeCapacity: Math.ceil(rows / seconds), maxInFlightRequests: 2 });
}

export function quickly({ target }: ConfigDocument): void {
  Object.assign(target, { writeCapacity: 100_000 });
}

export function notesConfig(config: ConfigDocument): void {
  const key = { name: 'pk', template: '{account}' };
  config.source.table = { name: 'notes', shardedBy: 'account' };
  Object.assign(config.source.limits, { chunkRows: 25, rangesPerTable: 2, scansPerServer: 2 });
  config.mapping = {
    notes: { items: [{ partitionKey: key, sortKey: { name: 'sk', template: '{id:pad(8)}' } }] },
  };
}

export async function createTwoSources(shared: Servers, own: OwnMysql, rows: number): Promise<TwoSources> {
  const held: AsyncDisposable[] = [];
  const hold = <T extends AsyncDisposable>(made: T): T => {
    held.unshift(made);
    return made;
  };
  const disposeAll = async (): Promise<void> => {
    for (const made of held) await made[Symbol.asyncDispose]();
  };
  try {
    const servers = { ...shared, mysql: own };
    const migration = hold(await createMigration({ servers, rows: () => NOTES('a', rows), config: notesConfig }));
    const healthy = hold(await createDatabase(shared.mysql));
    for (const statement of NOTES('b', rows)) await healthy.query(statement);
    const { host, port, user, database } = healthy.shard();
    migration.configure((config) => {
      config.source.shards.push({ id: 's02', host, port, user, password: '${OTHER_PASSWORD}', database });
    });
    const env = { OTHER_PASSWORD: shared.mysql.password };
    const [suffering] = migration.databases;
    if (suffering === undefined) throw new Error('the migration has a shard');
    const status = (): ShardStatus | null => readShardStatus({ folder: migration.stateFolder, shard: 's01' });
    return {
      migration,
      suffering,
      env,
      run: async (args, timeoutMs = 60_000) => await migration.run(args, { env, timeoutMs }),
      spawn: async (args) => await migration.spawn(args, { env }),
      copyElsewhere: async () => {
        const copy = await createDatabase(shared.mysql, suffering.name);
        for (const statement of NOTES('a', rows)) await copy.query(statement);
        return copy;
      },
      status,
      committed: () => status()?.tables[0]?.backfill?.counts.rows ?? 0,
      [Symbol.asyncDispose]: disposeAll,
    };
  } catch (error) {
    await disposeAll();
    throw error;
  }
}
