/** Names the MySQL server of a shard. Two names of one server count as two servers. */
import type { ShardConfig } from './model.js';

/** Returns host and port: `db7:3306`. */
export function serverOf({ host, port }: Pick<ShardConfig, 'host' | 'port'>): string {
  return `${host.toLowerCase()}:${port}`;
}
