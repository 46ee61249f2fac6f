/**
 * Protects the source: scans wait while a watched replica lags or the server is busy, but not for ever. Looked at about
 * once a second, on connections of its own and only while something scans. What cannot be asked is told of once, and
 * not waited for: a replica that is down for good must not stop a migration; what it said last holds for a minute,
 * though.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ShardConfig, SourceLimits } from '../config/model.js';
import { FerryError } from '../core/errors.js';
import { asFerryError } from '../core/thrown.js';
import type { Emitter } from '../core/events.js';
import { mysqlCode } from './errors/source-errors.js';
import { Gate } from '../core/async/gate.js';
import { gaugesOf, Unreadable, type Gauge, type PauseReason } from './gauges.js';
import { Session } from './connection/session.js';

const LOOK_EVERY_MS = 1_000;

/** How long one look may take before it counts as unanswered. */
const LOOK_DEADLINE_MS = 5_000;

/** A server in trouble may fail to answer: what it said before is believed for so long. */
const BELIEVED_MS = 60_000;

interface Answer {
  readonly reason: PauseReason | null;
  /** performance.now() */
  readonly at: number;
}

export class SourceThrottler {
  readonly #gauges: readonly Gauge[];
  readonly #sessions = new Map<Gauge, Session>();
  readonly #answers = new Map<Gauge, Answer>();
  readonly #unanswered = new Set<Gauge>();
  #scans = 0;
  #watching: AbortController | null = null;
  #gate = new Gate();
  /** When the last look ended that found no reason to wait; performance.now(). */
  #clearAt = -Infinity;

  constructor(
    private readonly shard: ShardConfig,
    private readonly limits: SourceLimits,
    private readonly emit: Emitter,
  ) {
    this.#gauges = gaugesOf(shard, limits);
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

  /** Waits while the source must be spared. @throws FerryError E_SOURCE_BUSY, E_INTERRUPTED */
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
        this.emit.emit('source.paused', { shard: this.shard.id, cause: reason.cause, reason: reason.text });
      } else if (performance.now() - pausedSince > this.limits.maxPauseSeconds * 1_000) {
        gate.fail(this.#tooLong(reason));
      }
      await pause(LOOK_EVERY_MS, signal);
    }
    resume();
  }

  /** @returns why scans must wait; null: no reason, or unknown */
  async #look(gauge: Gauge, signal: AbortSignal): Promise<PauseReason | null> {
    // Not AbortSignal.any: a watch of weeks would gather signals that Node 20 never frees.
    const bounded = new AbortController();
    const giveUp = (): void => bounded.abort();
    const deadline = setTimeout(giveUp, LOOK_DEADLINE_MS);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      let session = this.#sessions.get(gauge);
      if (session?.alive !== true) {
        session = await Session.open(gauge.shard, this.limits, bounded.signal);
        this.#sessions.set(gauge, session);
      }
      const reason = await gauge.look(session, bounded.signal);
      this.#answers.set(gauge, { reason, at: performance.now() });
      this.#unanswered.delete(gauge);
      return reason;
    } catch (error) {
      if (!signal.aborted) this.#tellUnanswered(gauge, bounded.signal.aborted ? LATE : whyUnread(gauge, error));
      const last = this.#answers.get(gauge);
      return last !== undefined && performance.now() - last.at < BELIEVED_MS ? last.reason : null;
    } finally {
      clearTimeout(deadline);
      signal.removeEventListener('abort', giveUp);
    }
  }

  #tellUnanswered(gauge: Gauge, reason: string): void {
    if (this.#unanswered.has(gauge)) return;
    this.#unanswered.add(gauge);
    this.emit.emit('source.unwatched', { shard: this.shard.id, gauge: gauge.name, reason });
  }

  #tooLong({ text }: PauseReason): FerryError {
    return new FerryError(
      'E_SOURCE_BUSY',
      `shard ${this.shard.id}: reading has waited for ${this.limits.maxPauseSeconds} s, and still ${text}`,
      'see what holds the server or its replica up, then run the same command again to resume; `source.limits` has the limits (a replica that is out of service can be taken out of `replicas`)',
    );
  }
}

const LATE = 'no answer in time';

/**
 * What it was, in the server's name for it or in ours: what is no error of the server, such as TLS that is off, has no
 * such name.
 */
function whyUnread({ shard }: Gauge, error: unknown): string {
  if (error instanceof Unreadable) return error.message;
  const code = mysqlCode(error);
  if (code !== null) return code;
  const { code: ours, message } = asFerryError(error, `shard ${shard.id}`);
  return `${ours}: ${message.replace(`shard ${shard.id}: `, '')}`;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
