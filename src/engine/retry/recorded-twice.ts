/**
 * Bad rows that are recorded under two readings of their key (`abc`, `ABC`), of which one goes as the row is tried
 * under the other. Guarantees that the backfill counts such a row once, whichever of the two its chunk counts, and that
 * what the target took of it stays known.
 */
import type { Cursor, Renamed } from '../../core/model.js';
import type { BadRowStore } from '../../core/ports/state-ports.js';
import type { RecordedBadRow } from '../../core/ports/state-records.js';

/** A record of the step, and the row that it led to. */
export interface Led {
  readonly bad: RecordedBadRow;
  /** As the row's key reads now; null: there is no row. */
  readonly cursor: Cursor | null;
  /** Its row is tried under another record, of this step or of one to come. */
  readonly twice: boolean;
}

export interface Readings<T extends Led> {
  /** Those that a chunk of the backfill counts, themselves or by the record that goes. */
  readonly counted: readonly T[];
  readonly renamed: readonly Renamed[];
  /** Of that row, under any reading of the step. */
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
      // It takes the place over before its own step.
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
