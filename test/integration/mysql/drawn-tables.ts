/**
 * Tables drawn from a seed: a unique key of one to four parts of any type, as any definition that the server takes,
 * filled with the values that this type is nasty with. The test knows of each whether a scan must be able to follow it,
 * by a list of its own.
 */
import { seeded, type Queryable, type Random } from '../../contract/row-source-tables.js';
import { drawPart, type Dialect, type Part } from './drawn-columns.js';

export interface DrawnTable {
  /** CREATE TABLE t: the key's columns, `n` that numbers the rows, and `body`. */
  readonly create: string;
  readonly parts: readonly Part[];
  /** SQL literals of one row's own columns, `n` and `body` included; generated columns are left out. */
  readonly row: (n: number) => { readonly columns: readonly string[]; readonly values: readonly string[] };
  /** The server's manners while the table is made and filled. */
  readonly sqlMode: string;
  readonly rows: number;
}

const STRICT = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES';
/**
 * Definitions drawn until the server takes one: it refuses labels that are equal in strict mode, keys too long, sets
 * with commas.
 */
const MOST_DRAWS = 200;

/** @returns the table that the server took and holds as `t`, filled */
export async function drawTable(database: Queryable, dialect: Dialect, seed: number): Promise<DrawnTable> {
  const random = seeded(seed * 7_919 + 1);
  // The first numbers of neighbouring seeds are alike.
  for (let i = 0; i < 20; i++) random();
  let refusal: unknown;
  for (let draw = 0; draw < MOST_DRAWS; draw++) {
    const table = drawn(random, dialect);
    try {
      await database.query(`SET SESSION sql_mode = '${table.sqlMode}', SESSION time_zone = '+00:00'`);
      await database.query(table.create);
    } catch (error) {
      refusal = error;
      continue;
    }
    await fill(database, table);
    return table;
  }
  throw new Error('the server takes none of these definitions', { cause: refusal });
}

function drawn(random: Random, dialect: Dialect): DrawnTable {
  const whole = (below: number): number => Math.floor(random() * below);
  const count = [1, 1, 2, 2, 2, 3, 4][whole(7)] ?? 1;
  const parts = Array.from({ length: count }, (_, i) => drawPart(random, dialect, `k${i}`));
  const directions = parts.map(() => (dialect.descending && random() < 0.3 ? ' DESC' : ''));
  const key = parts.map(({ name }, i) => `${name}${directions[i] ?? ''}`).join(', ');
  // A virtual column may be part of a unique key, but not of the primary one.
  const kind = parts.some(({ generated }) => generated) || random() < 0.3 ? 'UNIQUE KEY u' : 'PRIMARY KEY';
  const engine = random() < 0.1 ? ' ENGINE = MyISAM' : '';
  const columns = [...parts.map(({ name, type }) => `${name} ${type}`), 'n INT NOT NULL', 'body VARCHAR(40) NOT NULL'];
  return {
    create: `CREATE TABLE t (${columns.join(', ')}, ${kind} (${key}))${engine}`,
    parts,
    row: (n) => {
      const own = parts.filter(({ generated }) => !generated);
      return {
        columns: [...own.map(({ name }) => name), 'n', 'body'],
        values: [...own.map(({ value }) => value(random, n)), String(n), `'row ${n} ${whole(1e9)}'`],
      };
    },
    sqlMode: random() < 0.5 ? STRICT : '',
    rows: random() < 0.05 ? whole(3) : 10 + whole(90),
  };
}

/** Row by row, since a value may be refused, or its key be there already. */
async function fill(database: Queryable, table: DrawnTable): Promise<void> {
  await database.query('START TRANSACTION');
  for (let n = 0; n < table.rows; n++) {
    const { columns, values } = table.row(n);
    await database.query(`INSERT INTO t (${columns.join(', ')}) VALUES (${values.join(', ')})`).catch(() => undefined);
  }
  await database.query('COMMIT');
  await database.query('ANALYZE TABLE t');
}
