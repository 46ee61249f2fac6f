/**
 * Watches that a table stays what the mapping was compiled for, and the one that was begun: rows read after an ALTER
 * may be others than were asked for. The SELECTs name their columns, so most ALTERs show there; this finds the rest,
 * such as another type under the same name, or another table in its place (table-identity.ts).
 */
import { isDeepStrictEqual } from 'node:util';
import { FerryError } from '../../core/errors.js';
import type { Cursor, TableInfo } from '../../core/model.js';
import { namesOfServer } from '../../core/text/shown-text.js';
import { describeSourceTable } from '../describe.js';
import type { RowSelect } from '../keyset/row-select.js';
import type { Session } from '../connection/session.js';
import { KnownTable, type Identified, type WitnessRows } from './table-identity.js';

const CHECK_EVERY_MS = 10_000;

/** Keys that one look for rows names at most. */
const MOST_CUTS = 100;

export class SchemaGuard {
  /** When the last look began that found nothing amiss: one that failed is none. */
  #checkedAt = performance.now();
  /** When the looks that are under way began. */
  readonly #underWay = new Set<number>();
  readonly #known: KnownTable;

  constructor(
    private readonly shard: string,
    private readonly table: TableInfo,
    witnesses: WitnessRows,
  ) {
    this.#known = new KnownTable(shard, table, witnesses);
  }

  /** Which table this is, for now and for later runs. @see RowSource.identify */
  async identify(session: Session, before: string | null, accept: boolean, signal: AbortSignal): Promise<Identified> {
    return await this.#known.identify(session, before, accept, signal);
  }

  /** As `identify` told it, brought up to date by each `check`; null before. */
  get identity(): string | null {
    return this.#known.identity;
  }

  /**
   * Looks again where the last look is some seconds old. Scans that come while another one looks read on, for as long
   * again at most: one look does for all, but not one that hangs.
   * @throws as `check`
   */
  async checkInTime(session: Session, signal: AbortSignal): Promise<void> {
    const since = performance.now() - CHECK_EVERY_MS;
    if ([this.#checkedAt, ...this.#underWay].every((at) => at <= since)) await this.check(session, signal);
  }

  /** @throws FerryError E_SOURCE_CHANGED, E_TABLE_MISSING; the driver's own error */
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
      `shard ${this.shard}: table ${name} was altered while it was read: ${namesOfServer(altered)}`,
      'rows read since then may differ from what the mapping was made for: look at `dynaferry check`, then move the shard anew with `dynaferry backfill --restart`',
    );
  }

  /**
   * The table was cut into ranges at keys of real rows. Where not one of them is there any more, it was emptied or
   * replaced, and what had not been read by then was never seen. Rows may be deleted one by one, the only cut of a
   * small table among them.
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
      `shard ${this.shard}: table ${this.table.name} was emptied or replaced: of ${some.length} rows that it was cut into ranges at, none is there any more`,
      `find out who did that (TRUNCATE, a reload, a swap of tables). The target keeps what was moved before. If it is meant to be so, \`dynaferry backfill --shard ${this.shard} --restart\` moves the rows that are there now`,
    );
  }
}

/** Names of columns and keys that are others than before. */
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
