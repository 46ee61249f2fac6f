/**
 * The writer of a dry run acknowledges everything and sends nothing. It counts the write units that the items would
 * consume.
 */
import type { ItemWriter, WriteReceipt } from '../core/ports/target-ports.js';
import type { WriteOperation } from '../core/item/write-operation.js';
import { writeUnits } from '../core/capacity/capacity-units.js';

export class DiscardingWriter implements ItemWriter {
  waitForRoom(): Promise<void> {
    return Promise.resolve();
  }

  write(operations: readonly WriteOperation[]): Promise<WriteReceipt> {
    return Promise.resolve({
      items: operations.length,
      newer: 0,
      superseded: 0,
      units: operations.reduce((sum, { bytes }) => sum + writeUnits(bytes), 0),
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
