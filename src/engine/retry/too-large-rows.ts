/**
 * Recorded bad rows that have grown too large, each by itself, to be read again. The retry knows nothing else of them,
 * so their records stay as they are, and one warning reports them. A record with the size as its reason would blame no
 * column, and would let a retry accept any change of the mapping.
 */
import type { FerryError } from '../../core/errors.js';
import type { RecordedBadRow } from '../../core/ports/state-records.js';
import type { PassProgress } from '../pass/progress.js';
import type { ShardContext, TableJob } from '../pass/table-job.js';

/** Maximum number of rows that the warning names. */
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

  /** Emits one warning for all of them. */
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
