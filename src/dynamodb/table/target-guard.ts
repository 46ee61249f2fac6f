/**
 * The target guard checks that the target stays the table that a run started with. The name may lead to another table:
 * one created again, one restored under the name, or one behind a changed name or endpoint. Such a table answers every
 * request as before. Only DescribeTable shows the change.
 *
 * The bound: a process records what it writes or compares at most `LOOK_EVERY_MS` after a look that found the same
 * table. It records the end of a table's pass only after a look that it sent when all of the table was written or
 * compared. Nothing proves what went where between the last good look and the replacement. That part is bound to the
 * first table's identity, and a resume refuses it (E_STATE_CHANGED). AWS answers DescribeTable from metadata that may
 * be some seconds old. Deleting and creating a table takes longer.
 *
 * While DescribeTable gets no answer, only the first checkpoint waits for it, for `ANSWERED_WITHIN_MS`. Looks continue
 * in the background, and the next checkpoint gets their result. Only the end of a pass waits for a look with an answer.
 * So the last look may be as old as the silence is long. As above, everything recorded is bound to the first table.
 *
 * These changes are faults. The table was deleted and created again, with the same keys or others. It was deleted, is
 * being deleted, or was restored from a backup. The region, account or endpoint is another (the ARN, or the id). The
 * table is archived, its KMS key is out of reach, or replication is denied.
 *
 * These are not faults. The guard warns of an index or a replica that is added, built or deleted during a run. A
 * verification notes at its start and end whether TTL is on. A stream changes no item. The preflight warns of it.
 * Connections that were made before the name led elsewhere still reach the first table. So a look over a new connection
 * may see the other table first, and refuses early.
 */
import { FerryError, type Fault } from '../../core/errors.js';
import type { Emitter } from '../../core/events.js';
import type { TargetGuard } from '../../core/ports/target-ports.js';
import { askedAgain } from './absence.js';
import { retryDelay } from '../failures/backoff.js';
import type { TargetConnection } from '../client.js';
import { pause } from '../../core/async/sleep.js';
import { RequestFailure } from '../failures/service-errors.js';
import { lookAtTable, type TableFacts } from './describe-table.js';
import { indexState, replicaState, requireUsable } from './table-states.js';
import { endsWithin } from '../../core/async/deadline.js';

/**
 * AWS takes 2,500 control plane requests a second for an account, all tools together, and advises to ask rarely. With
 * this pause, 90 processes make 3 a second. At most 30 s of writes go into a wrong table.
 */
export const LOOK_EVERY_MS = 30_000;

/** A healthy answer takes tens of ms. */
const ANSWERED_WITHIN_MS = 2_000;

/**
 * The pause after a look without an answer: shorter than after a good one. One look makes four requests in a second or
 * more.
 */
const LOOK_AGAIN_MS = 5_000;

export interface TargetGuardOptions {
  readonly connection: TargetConnection;
  readonly shard: string;
  readonly table: string;
  /** The table as it was when the shard was bound to it. */
  readonly begun: Pick<TableFacts, 'identity' | 'indexes' | 'replicas'>;
  /** How long a verdict waits for a look with an answer. */
  readonly retryTimeoutSeconds: number;
  readonly emitter: Emitter;
  readonly lookEveryMs?: number;
  /** How long the table has to be absent, in ms, before dynaferry takes it for deleted. */
  readonly deletedAfterMs?: number;
}

/** A look that is under way. */
interface Look {
  readonly begunAt: number;
  /** The answer was that the table is absent. */
  absent: boolean;
  /** It never rejects. */
  ended: Promise<void>;
}

type Seen = Pick<TableFacts, 'indexes' | 'replicas'>;

/**
 * Failures that may pass. The network or the service is broken for now. Or new credentials cannot be fetched just now,
 * while those that sign the writes still serve. If they do not, the writes end the run.
 */
const PASSING: ReadonlySet<string> = new Set(['E_TARGET_UNAVAILABLE', 'E_TARGET_CONNECT', 'E_TARGET_CREDENTIALS']);

export function openTargetGuard(options: TargetGuardOptions): TargetGuard {
  return new TableIdentityGuard(options);
}

class TableIdentityGuard implements TargetGuard {
  readonly #options: TargetGuardOptions;
  readonly #everyMs: number;
  #nextLook: number;
  /** The look that all waiting chunks share. */
  #look: Look | null = null;
  /** The table is another one, or cannot be used, by a look that a caller did or did not wait for. */
  #found: { readonly thrown: unknown } | null = null;
  #seen: Seen;
  /** The last look got no answer, or has none yet. */
  #unanswered = false;

  constructor(options: TargetGuardOptions) {
    this.#options = options;
    this.#everyMs = options.lookEveryMs ?? LOOK_EVERY_MS;
    this.#nextLook = performance.now() + this.#everyMs;
    this.#seen = options.begun;
  }

  async atCheckpoint(signal: AbortSignal): Promise<void> {
    // A run that is stopping records what is done. It is bound to the table like everything else, and the next run
    // looks first.
    if (signal.aborted) return;
    if (performance.now() >= this.#nextLook) this.#look ??= this.#lookAside(signal);
    if (this.#look !== null) await this.#answered(this.#look);
    if (this.#found !== null) throw this.#found.thrown;
  }

  async confirm(signal: AbortSignal): Promise<void> {
    const until = performance.now() + this.#options.retryTimeoutSeconds * 1_000;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#lookAgain(signal);
        return;
      } catch (thrown) {
        if (!mayPass(thrown) || performance.now() >= until) throw thrown;
        await pause(retryDelay(attempt, Math.random), signal);
      }
    }
  }

  async explained(thrown: unknown, signal: AbortSignal): Promise<unknown> {
    if (!(thrown instanceof FerryError) || thrown.code !== 'E_TARGET_GONE' || thrown instanceof AnotherTable)
      return thrown;
    try {
      await this.#lookAgain(signal);
    } catch (found) {
      if (found instanceof AnotherTable || (found instanceof FerryError && found.code === 'E_TARGET_NOT_ACTIVE')) {
        return found;
      }
    }
    return thrown;
  }

  #lookAside(signal: AbortSignal): Look {
    const look: Look = { begunAt: performance.now(), absent: false, ended: Promise.resolve() };
    look.ended = this.#lookAgain(signal, () => (look.absent = true))
      .catch((thrown: unknown) => {
        if (signal.aborted) return;
        if (mayPass(thrown)) {
          this.#warnUnanswered(whyUnanswered(thrown, this.#options.table));
          this.#nextLook = performance.now() + Math.min(LOOK_AGAIN_MS, this.#everyMs);
        } else this.#found = { thrown };
      })
      .finally(() => (this.#look = null));
    return look;
  }

  /**
   * Waits until the look has ended, or has taken too long. After an answer that the table is absent, it waits for the
   * end of the look.
   */
  async #answered(look: Look): Promise<void> {
    const left = this.#unanswered ? 0 : look.begunAt + ANSWERED_WITHIN_MS - performance.now();
    const inTime = left > 0 && (await endsWithin(look.ended, left));
    if (inTime) return;
    if (look.absent) await look.ended;
    else
      this.#warnUnanswered(
        unanswered('E_TARGET_UNAVAILABLE', this.#options.table, `for ${ANSWERED_WITHIN_MS / 1_000} s`),
      );
  }

  async #lookAgain(signal: AbortSignal, absent?: () => void): Promise<void> {
    const { connection, table, begun, deletedAfterMs: believedAfterMs } = this.#options;
    const facts = await askedAgain(() => lookAtTable(connection, table, signal), signal, {
      ...(believedAfterMs === undefined ? {} : { believedAfterMs }),
      ...(absent === undefined ? {} : { absent }),
    });
    if (facts === null) throw deleted(table);
    if (facts.identity !== begun.identity) throw replaced(table);
    requireUsable(table, facts.status, facts.details);
    this.#tellChanges(facts);
    this.#seen = facts;
    this.#unanswered = false;
    this.#nextLook = performance.now() + this.#everyMs;
  }

  /** Warns of an index or a replica that came, went or changed its state since the last look. */
  #tellChanges(now: Seen): void {
    const { table } = this.#options;
    const before = new Set([...describeSeen(this.#seen)].map(({ key }) => key));
    const news = describeSeen(now).filter(({ key }) => !before.has(key));
    const names = new Set(now.indexes.map(({ name }) => name));
    const gone = this.#seen.indexes
      .filter(({ name }) => !names.has(name))
      .map(({ name }) => `index ${name} was deleted`);
    for (const said of [...news.map(({ text }) => text), ...gone]) {
      this.#warn({
        code: 'E_TARGET_NOT_ACTIVE',
        message: `table ${table} changed during the run: ${said}`,
        hint: "the items already written are safe; expect a slower run, and check the table's indexes and replicas before you rely on them",
      });
    }
  }

  /** Warns once, until a look gets an answer again. */
  #warnUnanswered(fault: Fault): void {
    if (this.#unanswered) return;
    this.#unanswered = true;
    this.#warn(fault);
  }

  #warn(fault: Fault): void {
    const { emitter, shard } = this.#options;
    emitter.emit('shard.warning', { shard, ...fault });
  }
}

/** Returns what to warn of, each with a key by which the next look recognises it. */
function describeSeen({ indexes, replicas }: Seen): readonly { readonly key: string; readonly text: string }[] {
  return [
    ...indexes.map(({ name, status, backfilling }) => ({
      key: `index ${name} ${indexState(name, status, backfilling) ?? ''}`,
      text: indexState(name, status, backfilling) ?? `index ${name} is ${status}`,
    })),
    ...replicas.map(({ region, status }) => ({
      key: `replica ${region} ${replicaState(region, status) ?? ''}`,
      text: replicaState(region, status) ?? `the replica in ${region} is ${status}`,
    })),
  ];
}

/** Says what gave no answer: credentials, the network, or the service. */
function whyUnanswered({ code, message, options }: FerryError, table: string): Fault {
  if (code === 'E_TARGET_CREDENTIALS') {
    return {
      code,
      message,
      hint: `renew the credentials: the run continues, and gives no verdict before they work again`,
    };
  }
  return unanswered(code, table, options.cause instanceof RequestFailure ? `(${options.cause.reason})` : '');
}

function unanswered(code: FerryError['code'], table: string, why: string): Fault {
  const look =
    code === 'E_TARGET_CONNECT'
      ? 'check the endpoint, network, DNS and TLS from this machine'
      : 'check the AWS Health dashboard';
  return {
    code,
    message: `DescribeTable on table ${table} got no answer ${why}: dynaferry checks later whether it is still the same table`,
    hint: `${look}; the run continues, and gives no verdict before DescribeTable answers`,
  };
}

function mayPass(thrown: unknown): thrown is FerryError {
  return thrown instanceof FerryError && PASSING.has(thrown.code);
}

/** A look found this error, not a request that the service refused. */
class AnotherTable extends FerryError {}

function deleted(table: string): FerryError {
  return new AnotherTable(
    'E_TARGET_GONE',
    `somebody deleted table ${table} during this run`,
    'find out who did that. `dynaferry backfill --create-table --restart` creates it again and moves all rows',
  );
}

/**
 * Returns the error for a table that is not the run's, also for a shard that starts with another table than the run
 * did.
 */
export function replaced(table: string): FerryError {
  return new AnotherTable(
    'E_TARGET_GONE',
    `table ${table} is not the table that this run started with: it was deleted and created again, or its name leads elsewhere now. Later writes and comparisons may be of either table`,
    'find out who did that. The state is about the first table: `dynaferry backfill --restart` moves all rows into the new one',
  );
}
