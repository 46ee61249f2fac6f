/**
 * Proves that the user sees all of a table, and refuses the table where it cannot. A server shows a user only what the
 * user has privileges for. Without one on a column, information_schema, SHOW COLUMNS and (on MariaDB) the keys over it
 * do not mention that column. A view shows the rows that its author chose. dynaferry neither moves nor compares what it
 * does not see, so no one would notice the loss.
 *
 * We checked related cases on MySQL 5.6, 9.7 and MariaDB 10.11:
 * - SHOW CREATE TABLE requires a privilege on the table as a whole, and names every column, invisible ones too.
 * - Privileges through a role count while the role is active. Only a default role is.
 * - A TEMPORARY table of the session (`init_connect`, a pooler) hides the real one.
 * - Sequences and system views are not tables.
 *
 * Only views hide rows: MySQL and MariaDB have no privileges on rows. A system-versioned table of MariaDB shows its
 * current rows, and the preflight reports that.
 */
import { FerryError } from '../core/errors.js';
import { namesOfServer, ofServer } from '../core/text/shown-text.js';
import { mysqlCode, sourceError } from './errors/source-errors.js';
import type { Session } from './connection/session.js';
import { quoteName } from './connection/sql.js';

/** TABLE_TYPE of tables whose own rows a SELECT reads. */
const TABLES: ReadonlySet<string> = new Set(['BASE TABLE', 'SYSTEM VERSIONED']);

export interface NamedTable {
  readonly shard: string;
  readonly database: string;
  readonly name: string;
}

/**
 * Checks that this is a table. @param type TABLE_TYPE of information_schema.TABLES @throws FerryError E_TABLE_NOT_BASE
 */
export function checkTableType({ shard, name }: NamedTable, type: string): void {
  if (!TABLES.has(type)) throw notBase(shard, name, type === 'VIEW' ? 'a view' : `a ${ofServer(type.toLowerCase())}`);
}

/**
 * Checks that the user sees every column of a table.
 * @param listed the columns that information_schema lists
 * @throws FerryError E_SOURCE_ACCESS, E_TABLE_NOT_BASE; the driver's own error
 */
export async function checkFullSight(
  session: Session,
  table: NamedTable,
  listed: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { shard, database, name } = table;
  const qualifiedName = `${quoteName(database)}.${quoteName(name)}`;
  let definition = await definitionOf(session, table, qualifiedName, signal);
  if (!definition.startsWith('CREATE TABLE ')) throw notBase(shard, name, 'a temporary table of the session');
  if (!definition.startsWith('CREATE TABLE `')) {
    await session.rows('SET SESSION sql_quote_show_create = 1', signal);
    definition = await definitionOf(session, table, qualifiedName, signal);
  }
  const hidden = definedColumns(definition).filter((column) => !listed.includes(column));
  if (hidden.length > 0) throw notListed(table, hidden);
  // This reads no rows, but requires the privilege to read each column.
  await session
    .rows(`SELECT ${listed.map(quoteName).join(', ')} FROM ${qualifiedName} LIMIT 0`, signal)
    .catch((error: unknown) => {
      throw isDenied(error) ? sourceError(shard, `looking at every column of ${name}`, error) : error;
    });
}

async function definitionOf(
  session: Session,
  { shard, name }: NamedTable,
  qualifiedName: string,
  signal: AbortSignal,
): Promise<string> {
  try {
    const [row] = await session.rows(`SHOW CREATE TABLE ${qualifiedName}`, signal);
    return row?.[1]?.toString() ?? '';
  } catch (error) {
    if (!isDenied(error)) throw error;
    throw new FerryError(
      'E_SOURCE_ACCESS',
      `shard ${shard}: the user has rights only on single columns of table ${name}: MySQL hides the other columns, so dynaferry would miss them`,
      `run GRANT SELECT ON ${qualifiedName} for the user; to exclude columns, use \`drop\` in the mapping`,
      { cause: error },
    );
  }
}

function isDenied(error: unknown): boolean {
  return ['ER_TABLEACCESS_DENIED_ERROR', 'ER_COLUMNACCESS_DENIED_ERROR'].includes(mysqlCode(error) ?? '');
}

/**
 * Returns the columns of a CREATE TABLE statement as MySQL prints it: each on its own line that starts with its name in
 * backticks. It first removes texts, since a comment or a default may hold anything.
 */
export function definedColumns(definition: string): readonly string[] {
  const plain = definition.replace(
    /(`(?:[^`]|``)*`)|'(?:[^'\\]|''|\\[^])*'/g,
    (_, name: string | undefined) => name ?? "''",
  );
  const body = plain.slice(0, plain.search(/\n\)/) + 1 || plain.length);
  return [...body.matchAll(/^ {2}`((?:[^`]|``)+)` /gm)].map(([, name = '']) => name.replaceAll('``', '`'));
}

function notListed({ shard, name }: NamedTable, hidden: readonly string[]): FerryError {
  return new FerryError(
    'E_SOURCE_ACCESS',
    `shard ${shard}: table ${name} has columns that information_schema does not list: ${namesOfServer(hidden)}`,
    'grant the user SELECT on the table; if the user has it, find what shortens answers: a proxy, or a global sql_select_limit',
  );
}

function notBase(shard: string, name: string, what: string): FerryError {
  return new FerryError(
    'E_TABLE_NOT_BASE',
    `shard ${shard}: ${name} is ${what}, which may hide rows and columns of the table behind it`,
    'name the table itself in `source.tables`; select its rows with `where`, and its columns in the mapping',
  );
}
