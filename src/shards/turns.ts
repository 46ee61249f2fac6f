/**
 * Decides which shard starts next: the first in order that may start, if there is a place. A place means one among the
 * processes of the run, and one among the shards on its MySQL server. A shard that waits for its server takes no place
 * from the others.
 */
import type { ServerShare } from './server-share.js';

export class Turns {
  readonly #waiting: Set<string>;
  readonly #running = new Set<string>();

  /**
   * @param shards in the order in which they are to start
   * @param jobs processes at once, 1 or more
   * @param shareOf returns how many shards may run at once on a shard's server, at each look; null: any number
   */
  constructor(
    shards: readonly string[],
    private readonly jobs: number,
    private readonly shareOf: (shard: string) => ServerShare | null,
  ) {
    this.#waiting = new Set(shards);
  }

  /**
   * Gives a place to the next shard.
   * @param mayStart returns whether a waiting shard may start now
   * @returns its id; null if no shard can start. It keeps its place until `leave`.
   */
  next(mayStart: (shard: string) => boolean): string | null {
    if (this.#running.size >= this.jobs) return null;
    for (const shard of this.#waiting) {
      if (!mayStart(shard) || !this.#hasRoom(shard)) continue;
      this.#waiting.delete(shard);
      this.#running.add(shard);
      return shard;
    }
    return null;
  }

  /** Frees the place of a shard, or takes a waiting one out of the queue. */
  leave(shard: string): void {
    this.#waiting.delete(shard);
    this.#running.delete(shard);
  }

  #hasRoom(shard: string): boolean {
    const share = this.shareOf(shard);
    if (share === null) return true;
    const there = [...this.#running].filter((other) => this.shareOf(other)?.server === share.server);
    return there.length < share.atOnce;
  }
}
