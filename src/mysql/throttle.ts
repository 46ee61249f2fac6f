/**
 * Protects the source: scans wait while a watched replica lags or the server is busy. Looked at about once a second, on
 * connections of its own and only while something scans. What cannot be asked is warned of once, and waited for never.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ShardConfig, SourceLimits } from '../config/model.js';
import { interrupted } from '../core/errors.js';
import type { Emitter } from '../core/events.js';
import { mysqlCode } from './errors.js';
import { Session } from './session.js';

const LOOK_EVERY_MS = 1_000;

/** How long one look may take before it counts as unanswered. */
const LOOK_DEADLINE_MS = 5_000;

interface Gauge {
  /** Why scans must wait, or null. @throws where the gauge cannot be read */
  look(session: Session, signal: AbortSignal): Promise<string | null>;
  readonly shard: ShardConfig;
  /** For warnings: `replica db7:3306`. */
  readonly name: string;
}

export class Throttle {
  readonly #gauges: readonly Gauge[];
  readonly #sessions = new Map<Gauge, Session>();
  readonly #warned = new Set<Gauge>();
  #scans = 0;
  #watching: AbortController | null = null;
  #gate = new Gate();
  /** When the last look ended that found no reason to wait; performance.now(). */
  #clearAt = -Infinity;

  constructor(
    private readonly shard: ShardConfig,
    limits: SourceLimits,
    private readonly emit: Emitter,
  ) {
    this.#gauges = [busyGauge(shard, limits), ...shard.replicas.map((replica) => lagGauge(shard, replica, limits))];
  }

  /** A scan begins. @returns what it must call when it ends */
  enter(): () => void {
    if (this.#scans++ === 0) this.#start();
    let inside = true;
    return () => {
      if (inside && --this.#scans === 0) this.#watching?.abort();
      inside = false;
    };
  }

  /** Waits while the source must be spared. @throws FerryError E_INTERRUPTED */
  async pass(signal: AbortSignal): Promise<void> {
    await this.#gate.pass(signal);
  }

  close(): void {
    this.#watching?.abort();
    this.#watching = null;
    for (const session of this.#sessions.values()) session.destroy();
    this.#sessions.clear();
  }

  #start(): void {
    this.#watching = new AbortController();
    this.#gate = new Gate();
    void this.#watch(this.#watching.signal, this.#gate);
  }

  /** Never rejects. The gate is shut until the first look, and open for good at the end. */
  async #watch(signal: AbortSignal, gate: Gate): Promise<void> {
    let pausedSince: number | null = null;
    const resume = (): void => {
      gate.open();
      if (pausedSince === null) return;
      const pausedMs = Math.round(performance.now() - pausedSince);
      this.emit.emit('source.resumed', { shard: this.shard.id, pausedMs });
      pausedSince = null;
    };
    // Short scans in a row look once a second too, not once each.
    const fresh = this.#clearAt + LOOK_EVERY_MS - performance.now();
    if (fresh > 0) await pause(fresh, signal);
    else gate.shut();
    while (!signal.aborted) {
      const reasons = await Promise.all(this.#gauges.map((gauge) => this.#look(gauge, signal)));
      const reason = reasons.find((found) => found !== null) ?? null;
      if (reason === null) {
        this.#clearAt = performance.now();
        resume();
      } else if (pausedSince === null) {
        gate.shut();
        pausedSince = performance.now();
        this.emit.emit('source.paused', { shard: this.shard.id, reason });
      }
      await pause(LOOK_EVERY_MS, signal);
    }
    resume();
  }

  /** @returns why scans must wait; null: no reason, or unknown */
  async #look(gauge: Gauge, signal: AbortSignal): Promise<string | null> {
    // Not AbortSignal.any: a watch of weeks would gather signals that Node 20 never frees.
    const bounded = new AbortController();
    const giveUp = (): void => bounded.abort();
    const deadline = setTimeout(giveUp, LOOK_DEADLINE_MS);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      let session = this.#sessions.get(gauge);
      if (session?.alive !== true) {
        session = await Session.open(gauge.shard, bounded.signal);
        this.#sessions.set(gauge, session);
      }
      const reason = await gauge.look(session, bounded.signal);
      this.#warned.delete(gauge);
      return reason;
    } catch (error) {
      if (!signal.aborted) this.#warn(gauge, error);
      return null;
    } finally {
      clearTimeout(deadline);
      signal.removeEventListener('abort', giveUp);
    }
  }

  #warn(gauge: Gauge, error: unknown): void {
    if (this.#warned.has(gauge)) return;
    this.#warned.add(gauge);
    const why = error instanceof Unreadable ? error.message : (mysqlCode(error) ?? 'no answer in time');
    this.emit.emit('shard.warning', {
      shard: this.shard.id,
      code: 'E_SOURCE_QUERY',
      message: `shard ${this.shard.id}: ${gauge.name} cannot be watched (${why}); scans go on without it`,
      hint: 'see that it runs and that the user may connect and has REPLICATION CLIENT; it is asked again each second',
    });
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/** Lets scans pass while it is open. */
class Gate {
  #opened = Promise.resolve();
  #open: (() => void) | null = null;

  open(): void {
    this.#open?.();
    this.#open = null;
  }

  shut(): void {
    if (this.#open !== null) return;
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  /** @throws FerryError E_INTERRUPTED */
  async pass(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw interrupted();
    const opened = this.#opened;
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        reject(interrupted());
      };
      signal.addEventListener('abort', onAbort, { once: true });
      void opened.then(() => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }
}

/** A gauge answered, but not with a figure. */
class Unreadable extends Error {}

function busyGauge(shard: ShardConfig, { maxThreadsRunning }: SourceLimits): Gauge {
  return {
    shard,
    name: 'the number of running threads',
    look: async (session, signal) => {
      const [row] = await session.rows("SHOW GLOBAL STATUS LIKE 'Threads_running'", signal);
      const running = Number(row?.[1]);
      return running > maxThreadsRunning ? `${running} threads run on ${shard.host}:${shard.port}` : null;
    },
  };
}

function lagGauge(
  shard: ShardConfig,
  replica: { readonly host: string; readonly port: number },
  { maxReplicaLagSeconds }: SourceLimits,
): Gauge {
  const name = `replica ${replica.host}:${replica.port}`;
  return {
    shard: { ...shard, ...replica },
    name,
    look: async (session, signal) => {
      const lags = await replicaLags(session, signal);
      if (lags.length === 0) throw new Unreadable('it is no replica');
      if (lags.includes(null)) throw new Unreadable('replication is stopped');
      const lag = Math.max(...lags.map(Number));
      return lag > maxReplicaLagSeconds ? `${name} is ${lag} s behind` : null;
    },
  };
}

/** Seconds behind, one figure for each source that the replica follows; null: it does not follow it just now. */
async function replicaLags(session: Session, signal: AbortSignal): Promise<readonly (number | null)[]> {
  const { replicaStatement, replicaLagColumn } = session.family;
  const rows = await session.records(replicaStatement, signal);
  return rows.map((row) => {
    const lag = row.get(replicaLagColumn) ?? null;
    return lag === null ? null : Number(lag);
  });
}
