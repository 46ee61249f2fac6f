/**
 * Checks that a table keeps the schema that the mapping was compiled for, and stays the table that the shard started
 * with. After an ALTER, rows may differ from what the SELECT expects. The SELECTs name their columns, so most ALTERs
 * fail there. This check finds the rest, such as another type under the same name, or another table in its place
 * (table-identity.ts).
 */
import { isDeepStrictEqual } from 'node:util';
import { FerryError } from '../../core/errors.js';
import type { Cursor, TableInfo } from '../../core/model.js';
import { namesOfServer } from '../../core/text/shown-text.js';
import { describeSourceTable } from '../describe.js';
import type { RowSelect } from '../keyset/row-select.js';
import type { Session } from '../connection/session.js';
import { KnownTable, type Identified, type WitnessRows } from './table-identity.js';

/** Age of the last check, in ms, at which a scan checks again. */
const CHECK_EVERY_MS = 10_000;

/** Most keys in one statement that looks for rows. */
const MOST_CUTS = 100;

export class SchemaGuard {
  /** Start of the last check that succeeded and found no change; performance.now(). */
  #checkedAt = performance.now();
  /** Starts of the checks that are running; performance.now(). */
  readonly #underWay = new Set<number>();
  readonly #known: KnownTable;

  constructor(
    private readonly shard: string,
    private readonly table: TableInfo,
    witnesses: WitnessRows,
  ) {
    this.#known = new KnownTable(shard, table, witnesses);
  }

  /** Identifies the table, for this run and later ones. @see RowSource.identify */
  async identify(session: Session, before: string | null, accept: boolean, signal: AbortSignal): Promise<Identified> {
    return await this.#known.identify(session, before, accept, signal);
  }

  /** The result of `identify`, updated by each `check`; null before. */
  get identity(): string | null {
    return this.#known.identity;
  }

  /**
   * Checks again where the last check is some seconds old. While one scan checks, the others continue to read, for as
   * long again at most: one check serves all scans, unless it hangs.
   * @throws as `check`
   */
  async checkInTime(session: Session, signal: AbortSignal): Promise<void> {
    const since = performance.now() - CHECK_EVERY_MS;
    if ([this.#checkedAt, ...this.#underWay].every((at) => at <= since)) await this.check(session, signal);
  }

  /**
   * Checks the schema and the identity of the table. @throws FerryError E_SOURCE_CHANGED, E_TABLE_MISSING; the driver's
   * own error
   */
  async check(session: Session, signal: AbortSignal): Promise<void> {
    const begunAt = performance.now();
    this.#underWay.add(begunAt);
    try {
      await this.#look(session, signal);
      this.#checkedAt = Math.max(this.#checkedAt, begunAt);
    } finally {
      this.#underWay.delete(begunAt);
    }
  }

  async #look(session: Session, signal: AbortSignal): Promise<void> {
    const { database, name } = this.table;
    const { table } = await describeSourceTable(session, this.shard, database, name, signal);
    const altered = alterations(this.table, table);
    if (altered.length === 0) {
      await this.#known.check(session, signal);
      return;
    }
    throw new FerryError(
      'E_SOURCE_CHANGED',
      `shard ${this.shard}: somebody altered table ${name} during the run: ${namesOfServer(altered)}`,
      'rows read since then may not fit the mapping: run `dynaferry check`, then move the shard again with `dynaferry backfill --restart`',
    );
  }

  /**
   * Checks the bounds of the ranges, which are keys of real rows. If none of them exists, the table was emptied or
   * replaced, and the scan has not seen the rows that it had not read. Single rows may be deleted, also the only bound
   * of a small table.
   *
   * @throws FerryError E_SOURCE_CHANGED; the driver's own error
   */
  async checkRows(session: Session, select: RowSelect, cuts: readonly Cursor[], signal: AbortSignal): Promise<void> {
    if (cuts.length === 0) return;
    const step = Math.ceil(cuts.length / MOST_CUTS);
    const some = cuts.filter((_, i) => i % step === 0);
    if ((await session.rows(select.anyKeyAt(some), signal)).length > 0) return;
    if (cuts.length === 1 && (await session.rows(select.edgeKey('first', []), signal)).length > 0) return;
    throw new FerryError(
      'E_SOURCE_CHANGED',
      `shard ${this.shard}: table ${this.table.name} was emptied or replaced: none of the ${some.length} rows at the bounds of its ranges exists now`,
      `find out who did that (TRUNCATE, a reload, a swap of tables). The target keeps the items already written. If it was intended, \`dynaferry backfill --shard ${this.shard} --restart\` moves the present rows`,
    );
  }
}

/** Returns the names of columns and keys that changed. */
function alterations(before: TableInfo, now: TableInfo): readonly string[] {
  return [
    ...differing('column', before.columns, now.columns),
    ...differing('unique key', before.uniqueKeys, now.uniqueKeys),
  ];
}

function differing<T extends { readonly name: string }>(
  what: string,
  before: readonly T[],
  now: readonly T[],
): readonly string[] {
  const names = [...new Set([...before, ...now].map(({ name }) => name))];
  const named = (list: readonly T[], wanted: string): T | undefined => list.find(({ name }) => name === wanted);
  return names
    .filter((name) => !isDeepStrictEqual(named(before, name), named(now, name)))
    .map((name) => `${what} ${name}`);
}
