/**
 * Measures the load of a source: how many threads run on the server, and how far each watched replica is behind.
 */
import type { ShardConfig, SourceLimits } from '../config/model.js';
import type { Cell } from '../core/model.js';
import type { Session } from './connection/session.js';

/** A reason for which scans must wait. */
export interface PauseReason {
  readonly cause: 'lag' | 'busy';
  /** The reason in words, with the limit. */
  readonly text: string;
}

export interface Gauge {
  /** The server to poll. */
  readonly shard: ShardConfig;
  /** For messages: `replica db7:3306`. */
  readonly name: string;
  /** Reads the gauge. @returns null: no reason to wait. @throws where the gauge cannot be read */
  look(session: Session, signal: AbortSignal): Promise<PauseReason | null>;
}

/** Thrown where a gauge answered, but not with a number. The message says what. */
export class Unreadable extends Error {}

/**
 * Returns the gauges of a shard: one for the server, one for each replica. @param limits may change: gauges read them
 * at each poll
 */
export function gaugesOf(shard: ShardConfig, limits: SourceLimits): readonly Gauge[] {
  return [busyGauge(shard, limits), ...shard.replicas.map((replica) => lagGauge(shard, replica, limits))];
}

function busyGauge(shard: ShardConfig, limits: SourceLimits): Gauge {
  const name = `${shard.host}:${shard.port}`;
  return {
    shard,
    name: `the number of threads that run on ${name}`,
    look: async (session, signal) => {
      const [row] = await session.rows("SHOW GLOBAL STATUS LIKE 'Threads_running'", signal);
      const running = figure(row?.[1] ?? null);
      const { maxThreadsRunning } = limits;
      if (running <= maxThreadsRunning) return null;
      return { cause: 'busy', text: `${running} threads run on ${name} (limit ${maxThreadsRunning})` };
    },
  };
}

function lagGauge(
  shard: ShardConfig,
  replica: { readonly host: string; readonly port: number },
  limits: SourceLimits,
): Gauge {
  const name = `replica ${replica.host}:${replica.port}`;
  return {
    shard: { ...shard, ...replica },
    name,
    look: async (session, signal) => {
      const lags = await replicaLags(session, signal);
      if (lags.length === 0) throw new Unreadable('it is not a replica');
      // The replica falls behind from now on, and does not report how far.
      if (lags.includes(null)) return { cause: 'lag', text: `${name} has stopped replicating` };
      const { maxReplicaLagSeconds } = limits;
      const lag = Math.max(...lags.filter((behind) => behind !== null));
      return lag > maxReplicaLagSeconds
        ? { cause: 'lag', text: `${name} is ${lag} s behind (limit ${maxReplicaLagSeconds} s)` }
        : null;
    },
  };
}

/** Returns the seconds behind, one for each source of the replica; null: it does not follow that source at present. */
async function replicaLags(session: Session, signal: AbortSignal): Promise<readonly (number | null)[]> {
  const { replicaStatement, replicaLagColumn } = session.family;
  const rows = await session.records(replicaStatement, signal);
  return rows.map((row) => {
    const lag = row.get(replicaLagColumn) ?? null;
    return lag === null ? null : figure(lag);
  });
}

/** Parses a number. Anything else must not count as an idle server. @throws Unreadable */
function figure(cell: Cell): number {
  const text = String(cell);
  if (!/^\d+$/.test(text)) throw new Unreadable('its answer is not a number');
  return Number(text);
}
