/** The writer of a dry run: acknowledges everything and sends nothing, counting the units that it would have cost. */
import type { MappedItem } from '../core/model.js';
import type { ItemWriter, WriteReceipt } from '../core/ports/ports.js';
import { writeUnits } from '../core/capacity-units.js';

export class DiscardingWriter implements ItemWriter {
  ready(): Promise<void> {
    return Promise.resolve();
  }

  write(items: readonly MappedItem[]): Promise<WriteReceipt> {
    return Promise.resolve({
      items: items.length,
      newer: 0,
      units: items.reduce((sum, item) => sum + writeUnits(item.bytes), 0),
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
