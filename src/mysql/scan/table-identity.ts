/**
 * Detects that another table took the place of the one that a run started with: dropped and created again, or swapped.
 * It distinguishes that from a table that was only altered. Every user may read when a table was created (CREATE_TIME),
 * but an ALTER changes that time too. The engine's own id of a table needs the PROCESS privilege. So if the time
 * differs, dynaferry compares some rows that it saw before (the witnesses). A table that was rebuilt from its own rows
 * (ADD INDEX, OPTIMIZE, gh-ost, pt-online-schema-change) still has them unchanged.
 *
 * We checked related cases on MySQL 5.6, 9.7 and MariaDB 10.11. DROP and CREATE, RENAME and every ALTER, also of
 * partitions, change CREATE_TIME. On 9.7, a RENAME does not, since the table that takes the name brings its own time.
 * TRUNCATE, TRUNCATE PARTITION and DELETE do not change it. The bounds of the ranges reveal an emptied table
 * (schema-guard.ts). A table filled again under the same keys looks like one whose rows were deleted and inserted. Two
 * cases stay undetected. One is a table created in the same second as the former one. The other is a partitioned table
 * on MySQL 5.6, which reports no time.
 *
 * MariaDB has no unique server id, so another server may look like this one. So dynaferry compares rows there too if
 * the server started in another second, or has another server_uid. That distinguishes two servers with one host name,
 * port, server_id, GTID domain and data folder by their rows. It works even if their tables were created in the same
 * second. Undetected are servers that also started within two seconds, with the same network card or without server_uid
 * (before 10.5.26, 10.6.19, 10.11.9, 11.4.3). MySQL servers with one server_uuid differ only by CREATE_TIME and by the
 * transactions that they lack (same-server.ts).
 */
import { createHash } from 'node:crypto';
import { FerryError } from '../../core/errors.js';
import type { Cell, ColumnInfo, Cursor, TableInfo } from '../../core/model.js';
import type { Identified, TableScan } from '../../core/ports/source-ports.js';
import { sampleCursors } from './ranges.js';
import { RowSelect } from '../keyset/row-select.js';
import { isAnotherLife, isSameServer } from '../connection/server-family.js';
import type { Session } from '../connection/session.js';
import { textLiteral } from '../connection/sql.js';

export type { Identified } from '../../core/ports/source-ports.js';

/** Number of witness rows: read at the start, and again at each check. */
const WITNESSES = 16;

/** One in this many witnesses may have changed or gone since the last check, some seconds before. */
const MAY_CHANGE = 8;

/**
 * Most characters or bytes that a column of a witness may hold: longer columns are left out, since each check reads the
 * witness again.
 */
const LONGEST = 1_024;

/** Rows that a cursor identifies, each with a digest of its content. */
export interface WitnessRows {
  /** Chooses some rows, spread over the table. */
  choose(session: Session, most: number, signal: AbortSignal): Promise<ReadonlyMap<Cursor, string>>;
  /** Returns those rows that exist now. */
  find(session: Session, cursors: readonly Cursor[], signal: AbortSignal): Promise<ReadonlyMap<Cursor, string>>;
  /** True if dynaferry may look for them every few seconds. */
  readonly cheap: boolean;
}

/**
 * Identifies witnesses by their scan key. It ignores the operator's `where`, since a row that no longer meets it still
 * exists.
 */
export function keyedWitnesses(scan: TableScan): WitnessRows {
  const isShort = ({ maxLength, dataType }: ColumnInfo): boolean =>
    maxLength === null ? dataType !== 'json' : maxLength <= LONGEST;
  const columns = scan.table.columns.filter((column) => scan.columns.includes(column.name) && isShort(column));
  const select = new RowSelect({ ...scan, where: null, columns: columns.map(({ name }) => name) });
  const find: WitnessRows['find'] = async (session, cursors, signal) => {
    if (cursors.length === 0) return new Map();
    const rows = await session.rows(select.rowsAt(cursors), signal);
    return new Map(rows.map((row) => [select.cursorOf(row), digestOf(row)]));
  };
  return {
    choose: async (session, most, signal) =>
      await find(session, await sampleCursors(session, select, most, signal), signal),
    find,
    cheap: true,
  };
}

function digestOf(row: readonly Cell[]): string {
  const hash = createHash('sha256');
  for (const cell of row) hash.update(cell === null ? '-' : `${typeof cell} ${cell.length}:`).update(cell ?? '');
  return hash.digest('base64url').slice(0, 16);
}

/** Signs that a table may be another one. */
interface Signs {
  readonly createdAt: string | null;
  /** `ServerFamily.life`; null: the server's identity is enough, or nothing was noted. */
  readonly life: string | null;
}

interface Known extends Signs {
  readonly server: string;
  readonly rows: ReadonlyMap<Cursor, string>;
}

export class KnownTable {
  #known: Known | null = null;

  constructor(
    private readonly shard: string,
    private readonly table: TableInfo,
    private readonly witnesses: WitnessRows,
  ) {}

  /** @see RowSource.identify */
  async identify(session: Session, before: string | null, accept: boolean, signal: AbortSignal): Promise<Identified> {
    const stored = before === null ? null : parsed(before);
    // Neither time says anything about another server. `same-server.ts` judged before whether it has the same data.
    const known = stored !== null && isSameServer(stored.server, session.server) ? stored : null;
    let vouched = false;
    if (known !== null) {
      try {
        this.#known = await this.#look(session, known, signal);
      } catch (error) {
        if (!accept || !(error instanceof FerryError) || error.code !== 'E_SOURCE_CHANGED') throw error;
        vouched = true;
      }
    }
    if (known === null || vouched) this.#known = await this.#chosen(session, signal);
    return { identity: this.identity ?? '', vouched };
  }

  /** Null before `identify`. */
  get identity(): string | null {
    if (this.#known === null) return null;
    return JSON.stringify({ ...this.#known, rows: [...this.#known.rows] });
  }

  /** Checks that the table is still the known one. @throws FerryError E_SOURCE_CHANGED; the driver's own error */
  async check(session: Session, signal: AbortSignal): Promise<void> {
    if (this.#known !== null) this.#known = await this.#look(session, this.#known, signal);
  }

  async #look(session: Session, before: Known, signal: AbortSignal): Promise<Known> {
    const cursors = [...before.rows.keys()];
    const known = await this.#settled(session, signal, async (signs) =>
      isDoubtful(before, signs) || this.witnesses.cheap
        ? await this.witnesses.find(session, cursors, signal)
        : before.rows,
    );
    if (isDoubtful(before, known)) this.#judge(before, known);
    // Applications delete rows in the course of weeks; and a table may have had none at first.
    const few = known.rows.size < WITNESSES / 2 && (known.rows.size < before.rows.size || known.rows.size === 0);
    return few && this.witnesses.cheap ? await this.#chosen(session, signal) : known;
  }

  async #chosen(session: Session, signal: AbortSignal): Promise<Known> {
    return await this.#settled(session, signal, async () => await this.witnesses.choose(session, WITNESSES, signal));
  }

  /** Reads rows and signs that belong to the same table: it reads the signs before and after, until both agree. */
  async #settled(
    session: Session,
    signal: AbortSignal,
    read: (signs: Signs) => Promise<Known['rows']>,
  ): Promise<Known> {
    let signs = await this.#signs(session, signal);
    for (;;) {
      const rows = await read(signs);
      const meanwhile = await this.#signs(session, signal);
      if (!isDoubtful(signs, meanwhile)) return { server: session.server, ...signs, rows };
      signs = meanwhile;
    }
  }

  async #signs(session: Session, signal: AbortSignal): Promise<Signs> {
    const { database, name } = this.table;
    const [row] = await session.rows(
      `SELECT CREATE_TIME, ${session.family.life ?? 'NULL'} FROM information_schema.TABLES WHERE TABLE_SCHEMA = ${textLiteral(database)} AND TABLE_NAME = ${textLiteral(name)}`,
      signal,
    );
    return { createdAt: row?.[0]?.toString() ?? null, life: row?.[1]?.toString() ?? null };
  }

  #judge(before: Known, now: Known): void {
    const lost = [...before.rows].filter(([cursor, digest]) => now.rows.get(cursor) !== digest).length;
    if (lost <= before.rows.size / MAY_CHANGE) return;
    const { shard, table } = this;
    const seen = `${lost} of ${before.rows.size} rows seen before are gone or differ`;
    if (now.createdAt === before.createdAt) {
      throw new FerryError(
        'E_SOURCE_CHANGED',
        `shard ${shard}: the server restarted, or another server has its name; in table ${table.name}, ${seen}`,
        `check which server \`host\` leads to. If it is the right one, and an application changed these rows, run the same command again with --accept-server; else restore \`host\` and \`port\``,
      );
    }
    throw new FerryError(
      'E_SOURCE_CHANGED',
      `shard ${shard}: table ${table.name} was created again, swapped or rebuilt, or lost partitions; ${seen}`,
      `find out who did that. If another table took its place, \`dynaferry backfill --shard ${shard} --restart\` moves its rows. If an ALTER rebuilt it with all its rows, or somebody dropped partitions that you do not want to move, run the same command again with --accept-server`,
    );
  }
}

function isDoubtful(before: Signs, now: Signs): boolean {
  return now.createdAt !== before.createdAt || isAnotherLife(before.life, now.life);
}

/** Parses what an earlier run noted; ignores any other form. */
function parsed(text: string): Known | null {
  try {
    const { server, createdAt, life, rows } = JSON.parse(text) as {
      readonly server: string;
      readonly createdAt: string | null;
      /** Missing in state version 9, which older versions wrote. */
      readonly life?: string | null;
      readonly rows: readonly (readonly [Cursor, string])[];
    };
    return { server, createdAt, life: life ?? null, rows: new Map(rows) };
  } catch {
    return null;
  }
}
