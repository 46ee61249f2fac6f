/** Lets at most `scansPerServer` looks at once work on a MySQL server, however many shards are on it. */
import pLimit from 'p-limit';
import type { Config } from '../config/model.js';
import { serverOf } from '../config/server-of.js';

export class ServerTurns {
  readonly #byShard: ReadonlyMap<string, <T>(run: () => Promise<T>) => Promise<T>>;

  constructor({ source }: Pick<Config, 'source'>) {
    const byServer = new Map(source.shards.map((shard) => [serverOf(shard), pLimit(source.limits.scansPerServer)]));
    this.#byShard = new Map(
      source.shards.map((shard) => {
        const limit = byServer.get(serverOf(shard));
        return [shard.id, async (run) => (limit === undefined ? await run() : await limit(run))];
      }),
    );
  }

  async on<T>(shard: string, run: () => Promise<T>): Promise<T> {
    const inTurn = this.#byShard.get(shard);
    return inTurn === undefined ? await run() : await inTurn(run);
  }
}
