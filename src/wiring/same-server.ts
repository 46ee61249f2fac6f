/**
 * Checks whether a shard may continue from another MySQL server: it must have the same data. An operator changes the
 * server after a failover, or to spare the primary. The server's name proves nothing: dynaferry could read another
 * shard's server just as well, and would never move the rest of this shard.
 *
 * Its identity does not prove all either. A server that was restored to an earlier state keeps it, and on MariaDB two
 * servers may have the same (server-family.ts). So it must lack no transactions, as far as GTIDs show, and its rows
 * must match (table-identity.ts).
 */
import type { ShardConfig } from '../config/model.js';
import { FerryError } from '../core/errors.js';
import type { EventBus } from '../core/event-bus.js';
import type { ShardSource } from '../core/ports/source-ports.js';
import type { StateStore } from '../core/ports/state-ports.js';

export interface ServerCheck {
  readonly shard: ShardConfig;
  readonly source: ShardSource;
  readonly store: StateStore;
  /** The tables that may have a plan already. */
  readonly tables: readonly string[];
  /** The operator says that the other server has the same data. */
  readonly accept: boolean;
  readonly bus: EventBus;
}

/** Records the server once the check has passed. @throws FerryError E_SOURCE_CHANGED, E_SOURCE_* */
export async function checkServer(check: ServerCheck, signal: AbortSignal): Promise<void> {
  const { shard, source, store, accept, bus } = check;
  const server = await source.identity(signal);
  const before = store.binding.server();
  const same = before !== null && source.isSame(before, server);
  if (before !== null) {
    const reached = accept ? true : await hasReachedAll(check, signal);
    if (same && reached === false) throw wentBack(shard);
    if (!same) {
      if (reached !== true) throw anotherServer(shard, reached);
      bus.emit('shard.warning', { shard: shard.id, ...goesOn(shard, accept) });
    }
  }
  if (before !== server) store.binding.setServer(server, !same);
}

/** Returns the error for a server with the name of the first one that lacks what that one had. */
function wentBack({ id, host, port }: ShardConfig): FerryError {
  return new FerryError(
    'E_SOURCE_CHANGED',
    `shard ${id}: ${host}:${port} lacks transactions that it had when its tables were planned. It was put back to an earlier state, is another server of the same name, or its binary logs were reset`,
    `find out which. If only the logs were reset, run the same command again with --accept-server. If it was put back, \`dynaferry backfill --shard ${id} --restart\` moves what is there now; else put \`host\` and \`port\` back`,
  );
}

/**
 * Returns whether the server has all that the first server had when the tables were planned; null: nothing shows it.
 */
async function hasReachedAll({ source, store, tables }: ServerCheck, signal: AbortSignal): Promise<boolean | null> {
  const plans = tables.flatMap((table) => store.plans.get(table) ?? []);
  for (const { position } of plans) {
    const reached = position === null ? null : await source.hasReached(position, signal);
    if (reached !== true) return reached;
  }
  // Nothing is planned, so nothing was read.
  return true;
}

function anotherServer({ id, host, port }: ShardConfig, reached: false | null): FerryError {
  const fact =
    reached === null
      ? 'and no GTIDs tell whether it has the same data'
      : 'and it lacks transactions that the first one had when its tables were planned';
  const next =
    reached === null
      ? 'if it is a replica of the same primary and has caught up, run the same command again with --accept-server. Else put `host` and `port` back'
      : 'if it is a replica that is behind, let it catch up and run the same command again. Else put `host` and `port` back';
  return new FerryError(
    'E_SOURCE_CHANGED',
    `shard ${id}: ${host}:${port} is another server than the one that the shard was started on, ${fact}`,
    next,
  );
}

function goesOn(
  { id, host, port }: ShardConfig,
  accepted: boolean,
): { readonly code: 'E_SOURCE_CHANGED'; readonly message: string; readonly hint: string } {
  return {
    code: 'E_SOURCE_CHANGED',
    message: `shard ${id}: continues from another server, ${host}:${port}, ${accepted ? 'as --accept-server says' : 'whose GTIDs show that it has what the first one had'}`,
    hint: 'comparisons with another server no longer count; verify compares all rows with this one',
  };
}
