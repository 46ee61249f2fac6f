/**
 * The limits that may change during a run: one object in each process, made from the config. Code that needs a limit
 * reads it here each time and keeps no copy, so that a change reaches everything at once.
 */
import type { Config, SourceLimits, TargetConfig } from './model.js';

export interface Limits {
  /** SELECTs at once on one MySQL server; in a shard's process: the part of that shard. */
  readonly scansPerServer: number;
  /** Time to aim for with one SELECT, in ms. */
  readonly chunkMs: number;
  readonly chunkRows: number;
  readonly chunkBytes: number;
  /** Scans wait while a watched replica is further behind. */
  readonly maxReplicaLagSeconds: number;
  /** Scans wait while Threads_running is above. */
  readonly maxThreadsRunning: number;
  /** Scans that have waited longer end their shard. */
  readonly maxPauseSeconds: number;
  /** `source.limits.retryTimeoutSeconds`: how long a shard waits for a source that fails. */
  readonly sourcePatienceSeconds: number;
  /** Requests to DynamoDB at once, of one shard. */
  readonly maxInFlightRequests: number;
  /** `target.retryTimeoutSeconds`: how long a shard waits for a target that fails or throttles. */
  readonly targetPatienceSeconds: number;
  /** Events of single chunks and batches leave the process of their shard. */
  readonly everyEvent: boolean;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export class Tunables {
  /** As `source.limits` of the config. It changes with `set`. */
  readonly source: SourceLimits;
  /** As in `target` of the config. It changes with `set`. */
  readonly target: Pick<TargetConfig, 'maxInFlightRequests' | 'retryTimeoutSeconds'>;
  readonly #source: Writable<SourceLimits>;
  readonly #target: Writable<Pick<TargetConfig, 'maxInFlightRequests' | 'retryTimeoutSeconds'>>;
  #everyEvent: boolean;
  #mostReplicaLagSeconds: number;

  /** @param own what the config does not set, or sets for more than this process */
  constructor(
    config: {
      readonly source: Pick<Config['source'], 'limits'>;
      readonly target: Pick<TargetConfig, 'maxInFlightRequests' | 'retryTimeoutSeconds'>;
    },
    own: { readonly everyEvent?: boolean; readonly scansPerServer?: number } = {},
  ) {
    const { maxInFlightRequests, retryTimeoutSeconds } = config.target;
    this.#source = { ...config.source.limits };
    this.#source.scansPerServer = own.scansPerServer ?? this.#source.scansPerServer;
    this.#target = { maxInFlightRequests, retryTimeoutSeconds };
    this.#everyEvent = own.everyEvent ?? false;
    this.#mostReplicaLagSeconds = this.#source.maxReplicaLagSeconds;
    this.source = this.#source;
    this.target = this.#target;
  }

  get everyEvent(): boolean {
    return this.#everyEvent;
  }

  /** The highest `maxReplicaLagSeconds` so far: rows that were read under it may still wait to be written. */
  get mostReplicaLagSeconds(): number {
    return this.#mostReplicaLagSeconds;
  }

  /** All limits as they are now: a copy, to be shown or checked. */
  get now(): Limits {
    const { source, target, everyEvent } = this;
    return {
      scansPerServer: source.scansPerServer,
      chunkMs: source.chunkMs,
      chunkRows: source.chunkRows,
      chunkBytes: source.chunkBytes,
      maxReplicaLagSeconds: source.maxReplicaLagSeconds,
      maxThreadsRunning: source.maxThreadsRunning,
      maxPauseSeconds: source.maxPauseSeconds,
      sourcePatienceSeconds: source.retryTimeoutSeconds,
      maxInFlightRequests: target.maxInFlightRequests,
      targetPatienceSeconds: target.retryTimeoutSeconds,
      everyEvent,
    };
  }

  /** @param changes as `checkedLimits` returned them; an absent limit stays as it is */
  set(changes: Partial<Limits>): void {
    const { sourcePatienceSeconds, maxInFlightRequests, targetPatienceSeconds, everyEvent, ...source } = changes;
    Object.assign(this.#source, source);
    this.#mostReplicaLagSeconds = Math.max(this.#mostReplicaLagSeconds, this.#source.maxReplicaLagSeconds);
    if (sourcePatienceSeconds !== undefined) this.#source.retryTimeoutSeconds = sourcePatienceSeconds;
    if (maxInFlightRequests !== undefined) this.#target.maxInFlightRequests = maxInFlightRequests;
    if (targetPatienceSeconds !== undefined) this.#target.retryTimeoutSeconds = targetPatienceSeconds;
    if (everyEvent !== undefined) this.#everyEvent = everyEvent;
  }
}
