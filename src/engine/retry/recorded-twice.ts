/**
 * Bad rows that are recorded under two readings of their key (`abc`, `ABC`). A retry tries the row under one reading
 * and removes the other record. This file guarantees that the backfill counts such a row once, whichever record its
 * chunk counts. It also keeps the number of items that the target took of the row.
 */
import type { Cursor, Renamed } from '../../core/model.js';
import type { BadRowStore } from '../../core/ports/state-ports.js';
import type { RecordedBadRow } from '../../core/ports/state-records.js';

/** A record of the retry's step, and the row at its key. */
export interface Led {
  readonly bad: RecordedBadRow;
  /** The cursor of the row's key as it reads now; null: there is no row. */
  readonly cursor: Cursor | null;
  /** The row is tried under another record, of this step or of a later one. */
  readonly twice: boolean;
}

export interface Readings<T extends Led> {
  /** The records that a chunk of the backfill counts, either themselves or through the record that is removed. */
  readonly counted: readonly T[];
  readonly renamed: readonly Renamed[];
  /** Returns how many items the target took of the row, under any reading of the step. */
  readonly itemsTaken: (of: T) => number;
}

export function readingsOf<T extends Led>(step: readonly T[], store: Pick<BadRowStore, 'at'>): Readings<T> {
  const counted = new Set(step.filter(({ bad }) => bad.chunkRef !== null));
  for (const led of step.filter((each) => each.twice && counted.has(each))) {
    const heir = step.find(({ twice, cursor }) => !twice && cursor === led.cursor);
    if (heir !== undefined) {
      if (counted.has(heir)) continue;
      counted.add(heir);
    } else {
      const [later] = led.cursor === null ? [] : store.at(led.bad.table, [led.cursor]);
      // The later record takes over this place before its own step.
      if (later === undefined || later.chunkRef !== null) continue;
    }
    counted.delete(led);
  }
  const renamed = step.flatMap(({ bad, cursor }) =>
    cursor === null || cursor === bad.cursor ? [] : [{ from: bad.cursor, to: cursor }],
  );
  const itemsTaken = ({ bad, cursor }: T): number =>
    Math.max(
      ...[bad, ...step.flatMap((other) => (cursor !== null && other.cursor === cursor ? [other.bad] : []))].map(
        (each) => each.itemsTaken,
      ),
    );
  return { counted: step.filter((each) => counted.has(each)), renamed, itemsTaken };
}
