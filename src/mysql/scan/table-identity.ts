/**
 * Which table stands under a name: one that is dropped and created again, or swapped for another, is told from the one
 * that was begun, and from one that was only altered. What every user may read is when a table was created
 * (CREATE_TIME), but that of an ALTER counts as well, and the engine's own id of a table takes PROCESS. So where the
 * time is another, some rows that were seen before bear witness: a table that was made anew from its own rows (ADD
 * INDEX, OPTIMIZE, gh-ost, pt-online-schema-change) has them as they were.
 *
 * Looked through for siblings, on MySQL 5.6, 9.7 and MariaDB 10.11: DROP and CREATE, RENAME and every ALTER, also of
 * partitions, change CREATE_TIME (a RENAME not on 9.7, where the table that comes brings its own). TRUNCATE and
 * TRUNCATE PARTITION do not, nor does DELETE: an emptied table is found by its cuts (schema-guard.ts), and one that was
 * filled again under the same keys reads as rows that were deleted and inserted. Not told: a table created in the same
 * second as the former one, and one in partitions on MySQL 5.6, which says no time.
 *
 * On MariaDB, which has no id of its own, another server may look like this one. So rows bear witness there too where
 * the server was started in another second, or has another server_uid: which tells two servers of one host name, port,
 * server_id, GTID domain and data folder apart by their rows, also where their tables were created in the same second.
 * Not told: where they were started within two seconds as well, by the same network card or without server_uid (before
 * 10.5.26, 10.6.19, 10.11.9, 11.4.3); and MySQL servers with one server_uuid, but by CREATE_TIME and the transactions
 * that they lack (same-server.ts).
 */
import { createHash } from 'node:crypto';
import { FerryError } from '../../core/errors.js';
import type { Cell, ColumnInfo, Cursor, TableInfo } from '../../core/model.js';
import type { Identified, TableScan } from '../../core/ports/ports.js';
import { sampleCursors } from './ranges.js';
import { RowSelect } from '../keyset/row-select.js';
import { isAnotherLife, isSameServer } from '../connection/server-family.js';
import type { Session } from '../connection/session.js';
import { textLiteral } from '../connection/sql.js';

export type { Identified } from '../../core/ports/ports.js';

/** Rows that bear witness: read at the beginning, and again at each look. */
const WITNESSES = 16;

/** Of these, how many may have changed or gone since the last look, some seconds before: one in so many. */
const MAY_CHANGE = 8;

/** A witness is read again and again: columns that may hold more characters or bytes than this are left out. */
const LONGEST = 1_024;

/** Rows that are known by a cursor, and what they hold as a digest. */
export interface WitnessRows {
  /** Some rows, spread over the table. */
  choose(session: Session, most: number, signal: AbortSignal): Promise<ReadonlyMap<Cursor, string>>;
  /** Those that are there now. */
  find(session: Session, cursors: readonly Cursor[], signal: AbortSignal): Promise<ReadonlyMap<Cursor, string>>;
  /** Whether they may be looked for every few seconds. */
  readonly cheap: boolean;
}

/** Rows by their scan key; the operator's `where` is left aside, since a row that meets it no more is still there. */
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

/** What tells that a table may be another one. */
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
    // Of another server, neither time says anything; whether it has the same data was judged before (same-server.ts).
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

  /** null before `identify` */
  get identity(): string | null {
    if (this.#known === null) return null;
    return JSON.stringify({ ...this.#known, rows: [...this.#known.rows] });
  }

  /** @throws FerryError E_SOURCE_CHANGED; the driver's own error */
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
    // Rows are deleted in the course of weeks; and a table may have had none at first.
    const few = known.rows.size < WITNESSES / 2 && (known.rows.size < before.rows.size || known.rows.size === 0);
    return few && this.witnesses.cheap ? await this.#chosen(session, signal) : known;
  }

  async #chosen(session: Session, signal: AbortSignal): Promise<Known> {
    return await this.#settled(session, signal, async () => await this.witnesses.choose(session, WITNESSES, signal));
  }

  /** Rows and signs of one and the same table: with the signs read before and after, until both agree. */
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

/** What an earlier run noted; of another form, it is taken for nothing. */
function parsed(text: string): Known | null {
  try {
    const { server, createdAt, life, rows } = JSON.parse(text) as {
      readonly server: string;
      readonly createdAt: string | null;
      /** Not in what versions wrote that state version 9 belongs to. */
      readonly life?: string | null;
      readonly rows: readonly (readonly [Cursor, string])[];
    };
    return { server, createdAt, life: life ?? null, rows: new Map(rows) };
  } catch {
    return null;
  }
}
