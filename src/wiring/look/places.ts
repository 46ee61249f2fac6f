/**
 * The places that a command points to: the target table with its AWS account, and the MySQL server of each shard. An
 * operator has to see a wrong environment variable before the first write.
 */
import type { Config } from '../../config/model.js';
import { connectTarget, type TargetConnection } from '../../dynamodb/client.js';
import { describeTargetTable, type TableFacts } from '../../dynamodb/table/describe-table.js';

export interface TargetPlace {
  readonly table: string;
  /** null: dynaferry could not find out. */
  readonly exists: boolean | null;
  /** The AWS account in the table's ARN; null: unknown, or an emulator. */
  readonly account: string | null;
  /** The ARN has the account of emulators. */
  readonly emulator: boolean;
  /** null: unknown, also in `endpoint`. */
  readonly region: string | null;
  readonly endpoint: string | null;
}

export interface SourcePlace {
  readonly shard: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** Family and version as the server reports them: `mysql 8.0.36`; null: no session was opened on it. */
  readonly server: string | null;
}

export interface Places {
  /** null: the command does not ask the target. */
  readonly target: TargetPlace | null;
  readonly sources: readonly SourcePlace[];
}

/** The family and version of the servers that were reached, by shard. */
export type SeenServers = ReadonlyMap<string, string>;

export function placesOf(
  config: Config,
  shards: readonly string[],
  target: TargetPlace | null,
  servers: SeenServers,
): Places {
  const wanted = new Set(shards);
  const sources = config.source.shards
    .filter(({ id }) => wanted.has(id))
    .map(({ id, host, port, database }) => ({
      ...{ shard: id, host, port, database },
      server: servers.get(id) ?? null,
    }));
  return { target, sources };
}

/** DynamoDB Local and dynalite give this account in the ARNs of their tables. */
const EMULATORS_ACCOUNT = '000000000000';

/** @param facts null: the table does not exist; undefined: dynaferry could not find out */
export function placeOfTarget(
  config: Config,
  connection: TargetConnection | null,
  facts: Pick<TableFacts, 'account'> | null | undefined,
): TargetPlace {
  const emulator = facts?.account === EMULATORS_ACCOUNT;
  return {
    table: config.target.table,
    exists: facts === undefined ? null : facts !== null,
    account: emulator ? null : (facts?.account ?? null),
    emulator,
    region: connection?.region ?? null,
    endpoint: connection?.endpoint.href ?? null,
  };
}

/** Asks the target for a command that does not run the preflight. It leaves every fault to the command's own look. */
export async function lookAtTargetPlace(config: Config, signal: AbortSignal): Promise<TargetPlace> {
  let connection: TargetConnection | null = null;
  try {
    connection = await connectTarget(config.target);
    const facts = await describeTargetTable(connection, config.target.table, signal);
    return placeOfTarget(config, connection, facts);
  } catch {
    return placeOfTarget(config, connection, undefined);
  } finally {
    connection?.close();
  }
}
