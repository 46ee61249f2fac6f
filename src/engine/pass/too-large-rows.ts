/**
 * Recorded bad rows that have grown too large by themselves to be read again. Nothing is known of them but that, so
 * what is recorded of each stays, and they are told of once. To record their size as the reason would leave no column
 * to blame, and let a retry accept any change of the mapping.
 */
import type { FerryError } from '../../core/errors.js';
import type { RecordedBadRow } from '../../core/ports/state-records.js';
import type { PassProgress } from './progress.js';
import type { ShardContext, TableJob } from './table-job.js';

/** In the one warning. */
const NAMED_ROWS = 10;

export class TooLargeRows {
  readonly #numbers: number[] = [];
  #fault: FerryError | null = null;

  constructor(
    private readonly context: ShardContext,
    private readonly job: TableJob,
    private readonly progress: PassProgress,
  ) {}

  add({ number }: RecordedBadRow, fault: FerryError): void {
    this.#numbers.push(number);
    this.#fault = fault;
    this.progress.add({ rows: 1, items: 0, badRows: 1, expiredRows: 0, expiredItems: 0, newerItems: 0, units: 0 });
  }

  /** Once, of all of them. */
  tell(): void {
    if (this.#fault === null) return;
    const { shard, emitter } = this.context;
    const { code, message, hint } = this.#fault;
    const named = this.#numbers.slice(0, NAMED_ROWS).map((number) => `#${number}`);
    const more = this.#numbers.length - named.length;
    const rows = `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
    emitter.emit('shard.warning', {
      ...{ shard, code },
      message: `table ${this.job.mapping.table.name}: of the bad rows, ${rows} could not be read again, and stay recorded; ${message}`,
      hint: `\`dynaferry bad-rows\` lists them by these numbers; ${hint}`,
    });
  }
}
