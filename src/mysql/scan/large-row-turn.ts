/**
 * A turn lets one scan read one large row, after the consumer released the last large row, counted over all scans of
 * the table.
 */
import type { RowBlock, RowMemoryPool } from '../../core/row-block.js';

/** Permission to read one large row. */
export interface Turn {
  /**
   * Call this if the row is as large as expected: the next large row waits until the consumer has released this one.
   */
  keepUntilReleased(rows: RowBlock): void;
  end(): void;
}

export const NO_TURN: Turn = { keepUntilReleased: () => undefined, end: () => undefined };

/** Waits for the turn to read one large row. @throws FerryError E_INTERRUPTED */
export async function largeRowTurn({ largeRow }: RowMemoryPool, signal: AbortSignal): Promise<Turn> {
  await largeRow.take(signal);
  let kept = false;
  return {
    keepUntilReleased: (rows) => {
      kept = true;
      rows.onRelease = () => largeRow.give();
    },
    end: () => {
      if (!kept) largeRow.give();
    },
  };
}
