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
      `shard ${this.shard}: ${this.#found} bad rows so far; --max-bad-rows allows ${this.limit}`,
      `\`dynaferry bad-rows --shard ${this.shard}\` lists them with their remedies; correct them, or allow more with --max-bad-rows N; \`backfill --dry-run\` finds them all without writing`,
    );
  }
}
