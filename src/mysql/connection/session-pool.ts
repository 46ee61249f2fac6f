/**
 * This pool holds the connections of one shard. At most `scansPerServer` statements run on the server at once. The pool
 * keeps connections for the next statement, and never gives out a broken one.
 */
import type { ShardConfig, SourceLimits } from '../../config/model.js';
import { FerryError, interrupted } from '../../core/errors.js';
import { Permits } from '../../core/async/permits.js';
import { sourceError } from '../errors/source-errors.js';
import { Session, type ServerThread } from './session.js';

/** A connection in use, with the permit to run statements on it. */
export interface Lease {
  readonly session: Session;
  /** Gives the permit back, once. The caller must first destroy a connection whose statement still runs. */
  release(): void;
}

/** Wraps a wait for which the server is not to blame: see `Retry.aside`. */
export type Aside = <T>(waiting: Promise<T>) => Promise<T>;

export class SessionPool {
  readonly #idle: Session[] = [];
  readonly #leased = new Set<Session>();
  readonly #permits: Permits;
  /** Threads of the server that may still work on statements that this side gave up. */
  readonly #abandoned = new Set<ServerThread>();
  /** The first server that a connection reached. */
  #server: string | null = null;
  /** Controllers of the connections that are opening: `#idle` and `#leased` do not hold these connections yet. */
  readonly #opening = new Set<AbortController>();
  #closed = false;
  /** Rows that were read by connections which are closed now. */
  #rowsOfGone = 0;

  constructor(
    private readonly shard: ShardConfig,
    private readonly limits: Pick<SourceLimits, 'scansPerServer' | 'statementIdleTimeoutSeconds'>,
  ) {
    this.#permits = new Permits(() => limits.scansPerServer);
  }

  /**
   * @param aside wraps the wait for a permit: other statements hold the permits, and the server is not to blame
   * @throws FerryError E_INTERRUPTED, E_TLS_REQUIRED, E_SOURCE_*; the driver's own error where another try may help
   */
  async lease(signal: AbortSignal, aside: Aside): Promise<Lease> {
    await aside(this.#permits.take(signal));
    try {
      return this.#leaseOf(this.#alive() ?? (await this.#open(signal)));
    } catch (error) {
      this.#permits.give();
      throw error;
    }
  }

  /**
   * Counts the rows that the server has answered so far, to any statement: while it grows, some statement makes
   * progress.
   */
  get rowsRead(): number {
    return [...this.#idle, ...this.#leased].reduce((sum, session) => sum + session.rowsRead, this.#rowsOfGone);
  }

  close(): void {
    this.#closed = true;
    for (const stop of this.#opening) stop.abort();
    for (const session of [...this.#idle.splice(0), ...this.#leased]) session.destroy();
  }

  #alive(): Session | null {
    for (let session = this.#idle.pop(); session !== undefined; session = this.#idle.pop()) {
      if (session.alive) return session;
      this.#rowsOfGone += session.rowsRead;
    }
    return null;
  }

  async #open(signal: AbortSignal): Promise<Session> {
    if (this.#isClosed()) throw closed(this.shard.id);
    const session = await this.#connect(signal).catch((error: unknown) => {
      // Only a server that worked before may be down for a while. A wrong host or port is reported at once.
      throw this.#server !== null || this.#isClosed() ? error : sourceError(this.shard.id, 'connecting', error);
    });
    this.#server ??= session.server;
    if (!this.#isClosed() && session.server === this.#server) await this.#endAbandoned(session, signal);
    if (this.#isClosed() || session.server !== this.#server) {
      session.destroy();
      throw this.#isClosed() ? interrupted() : anotherServer(this.shard);
    }
    return session;
  }

  async #connect(signal: AbortSignal): Promise<Session> {
    // Not AbortSignal.any: for a signal that lives for weeks, Node 20 keeps some memory for each combined signal.
    const stop = new AbortController();
    const onStop = (): void => stop.abort();
    signal.addEventListener('abort', onStop, { once: true });
    this.#opening.add(stop);
    try {
      if (signal.aborted) throw interrupted();
      return await Session.open(this.shard, this.limits, stop.signal);
    } finally {
      signal.removeEventListener('abort', onStop);
      this.#opening.delete(stop);
    }
  }

  /**
   * Ends abandoned threads, so that they do not pile up on a server on which statements hang. A thread that is already
   * gone is no fault.
   */
  async #endAbandoned(session: Session, signal: AbortSignal): Promise<void> {
    for (const thread of this.#abandoned) {
      await session.endThread(thread, signal).catch((error: unknown) => {
        if (!session.alive) throw error;
      });
      this.#abandoned.delete(thread);
    }
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  #leaseOf(session: Session): Lease {
    this.#leased.add(session);
    return {
      session,
      release: () => {
        if (!this.#leased.delete(session)) return;
        if (session.alive) {
          this.#idle.push(session);
        } else {
          this.#rowsOfGone += session.rowsRead;
          if (session.abandonedThread !== null) this.#abandoned.add(session.abandonedThread);
        }
        this.#permits.give();
      },
    };
  }
}

/**
 * Reports that a name leads to several servers, or that a failover happened during the run. The scans would continue in
 * another copy, which may lack changes or have others.
 */
function anotherServer({ id, host, port }: ShardConfig): FerryError {
  return new FerryError(
    'E_SOURCE_CHANGED',
    `shard ${id}: ${host}:${port} leads to another server than when the run started`,
    'after a failover, run the same command again: it checks whether the new server has the same data. If the name stands for several servers, name one of them as `host`',
  );
}

function closed(shard: string): FerryError {
  return new FerryError('E_INTERNAL', `shard ${shard}: the source was used after it was closed`, 'report this defect');
}
