/** Limits how many bad rows a run tolerates (`--max-bad-rows`, default 0), counted over all tables of a shard. */
import { FerryError } from '../../core/errors.js';

export class BadRowLimit {
  #found: number;

  /** @param already bad rows of chunks committed in earlier runs of the same backfill */
  constructor(
    private readonly shard: string,
    private readonly limit: number,
    already: number,
  ) {
    this.#found = already;
  }

  /** Counts further bad rows. @throws FerryError E_BAD_ROWS once there are more than the limit */
  add(count: number): void {
    this.#found += count;
    if (this.#found <= this.limit) return;
    throw new FerryError(
      'E_BAD_ROWS',
      `shard ${this.shard}: the backfill stopped at ${this.#found} bad row${this.#found === 1 ? '' : 's'}; --max-bad-rows allows ${this.limit}`,
      `\`dynaferry bad-rows --shard ${this.shard}\` lists them with their remedies, and those that chunks in progress found after the stop; correct them, or allow more with --max-bad-rows N. \`backfill --dry-run\` finds all rows that do not fit the mapping, and writes nothing`,
    );
  }
}
