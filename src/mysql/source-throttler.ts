/**
 * Protects the source: scans wait while a watched replica lags or the server is busy, but not for ever. It polls about
 * once a second, on its own connections, and only while something scans. If it cannot poll a server, it warns once and
 * continues: a replica that is down for good must not stop a migration. The last answer stays valid for a minute.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ShardConfig, SourceLimits } from '../config/model.js';
import { FerryError } from '../core/errors.js';
import { asFerryError } from '../core/thrown.js';
import type { Emitter } from '../core/events.js';
import { mysqlCode } from './errors/source-errors.js';
import { Gate } from '../core/async/gate.js';
import { PauseGate } from '../core/async/pause-gate.js';
import { gaugesOf, Unreadable, type Gauge, type PauseReason } from './gauges.js';
import { Session } from './connection/session.js';

/** Time between two polls, in ms. */
const LOOK_EVERY_MS = 1_000;

/** How long one poll may take before it counts as unanswered. */
const LOOK_DEADLINE_MS = 5_000;

/** How long the last answer stays valid: a server in trouble may fail to answer. */
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
  /** End of the last poll that found no reason to wait; performance.now(). */
  #clearAt = -Infinity;

  constructor(
    private readonly shard: ShardConfig,
    private readonly limits: SourceLimits,
    private readonly emitter: Emitter,
    private readonly operatorPause: PauseGate = new PauseGate(),
  ) {
    this.#gauges = gaugesOf(shard, limits);
  }

  /** Registers the start of a scan. @returns the function to call at its end */
  enter(): () => void {
    if (this.#scans++ === 0) this.#start();
    const leavePause = this.operatorPause.enter();
    let inside = true;
    return () => {
      leavePause();
      if (inside && --this.#scans === 0) this.#watching?.abort();
      inside = false;
    };
  }

  /**
   * Waits while the source is too busy, or while an operator has paused the shard.
   * @throws FerryError E_SOURCE_BUSY, E_INTERRUPTED
   */
  async pass(signal: AbortSignal): Promise<void> {
    do {
      await this.operatorPause.idleWhile(this.#gate.pass(signal));
      await this.operatorPause.pass(signal);
    } while (this.#gate.isShut);
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

  /** Polls until the signal aborts; never rejects. The gate is shut until the first poll, and open at the end. */
  async #watch(signal: AbortSignal, gate: Gate): Promise<void> {
    let pausedSince: number | null = null;
    /**
     * Start of the time that counts towards `maxPauseSeconds`; performance.now(). A pause by an operator does not
     * count.
     */
    let bearingSince = 0;
    const resume = (): void => {
      gate.open();
      if (pausedSince === null) return;
      const pausedMs = Math.round(performance.now() - pausedSince);
      this.emitter.emit('source.resumed', { shard: this.shard.id, pausedMs });
      pausedSince = null;
    };
    // Many short scans also poll only once a second.
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
        pausedSince = bearingSince = performance.now();
        this.emitter.emit('source.paused', { shard: this.shard.id, cause: reason.cause, reason: reason.text });
      } else if (this.operatorPause.paused) {
        bearingSince = performance.now();
      } else if (performance.now() - bearingSince > this.limits.maxPauseSeconds * 1_000) {
        gate.fail(this.#tooLong(reason));
      }
      await pause(LOOK_EVERY_MS, signal);
    }
    resume();
  }

  /** Polls a gauge once. @returns why scans must wait; null: no reason, or unknown */
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
    this.emitter.emit('source.probe_failed', { shard: this.shard.id, gauge: gauge.name, reason });
  }

  #tooLong({ text }: PauseReason): FerryError {
    return new FerryError(
      'E_SOURCE_BUSY',
      `shard ${this.shard.id}: scans waited for ${this.limits.maxPauseSeconds} s, and still ${text}`,
      'find what slows the server or its replica, then run the same command again to resume. The limits are in `source.limits`; remove a replica that is out of service from `replicas`',
    );
  }
}

const LATE = 'it did not answer in time';

/**
 * Returns the server's error code as the reason. A fault that is not an error of the server, such as TLS that is off,
 * has only our code.
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
