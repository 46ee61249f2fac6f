/** Which MySQL server a shard is on, by name: two names of one server are two here. */
import type { ShardConfig } from './model.js';

/** `db7:3306` */
export function serverOf({ host, port }: Pick<ShardConfig, 'host' | 'port'>): string {
  return `${host.toLowerCase()}:${port}`;
}
