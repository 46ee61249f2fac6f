/**
 * The target guard checks that the target stays the table that a run started with. A table that is deleted and made
 * again, restored under the name, or found elsewhere through a changed name or endpoint answers every request as
 * before. Only DescribeTable shows the change.
 *
 * The bound: what one process writes or compares is recorded at most `LOOK_EVERY_MS` after a look that found the same
 * table. The end of a table's pass is recorded only after a look that was sent when all of it had been written or
 * compared. Nothing vouches for what came between the last good look and the replacement: it is bound to the first
 * table's identity, and a resume refuses it (E_STATE_CHANGED). AWS answers DescribeTable from metadata that may be some
 * seconds old; deleting and making a table takes longer.
 *
 * While DescribeTable is not answered, only the first checkpoint waits for it, for `ANSWERED_WITHIN_MS`. Looks go on in
 * the background, and the next checkpoint gets their result. Only the end of a pass waits for a look that is answered.
 * So the last look may be as old as the silence is long; as above, what is recorded is bound to the first table.
 *
 * Covered: a table deleted and made again, with the same keys or others; deleted alone, or being deleted; restored from
 * a backup; another region, account or endpoint (the ARN, or the id); archived, its KMS key out of reach, replication
 * denied. An index or a replica added, built or deleted during a run is named, but is not a fault. TTL switched on or
 * off is noted at both ends of a verification. A stream changes no item; the preflight names it. Connections made
 * before a name led elsewhere stay where they are: a look over a new one may see the other table first, and refuses
 * early.
 */
import { FerryError, type Fault } from '../../core/errors.js';
import type { Emitter } from '../../core/events.js';
import type { TargetGuard } from '../../core/ports/ports.js';
import { askedAgain } from './absence.js';
import { retryDelay } from '../failures/backoff.js';
import type { TargetConnection } from '../client.js';
import { pause } from '../../core/async/sleep.js';
import { RequestFailure } from '../failures/service-errors.js';
import { lookAtTable, type TableFacts } from './describe-table.js';
import { indexState, replicaState, requireUsable } from './table-states.js';
import { endsWithin } from '../../core/async/deadline.js';

/**
 * AWS takes 2,500 control plane requests a second of an account, all tools together, and advises to ask rarely: 90
 * processes make 3 a second. At most half a minute of writes goes into a wrong table.
 */
export const LOOK_EVERY_MS = 30_000;

/** A healthy answer takes tens of ms. */
const ANSWERED_WITHIN_MS = 2_000;

/**
 * After a look that was not answered, which is none: sooner than after a good one. One makes four requests in a second
 * or more.
 */
const LOOK_AGAIN_MS = 5_000;

export interface TargetGuardOptions {
  readonly connection: TargetConnection;
  readonly shard: string;
  readonly table: string;
  /** The table as it was when the shard was bound to it. */
  readonly begun: Pick<TableFacts, 'identity' | 'indexes' | 'replicas'>;
  /** How long a verdict waits for a look that is answered. */
  readonly retryTimeoutSeconds: number;
  readonly emitter: Emitter;
  readonly lookEveryMs?: number;
  /** How long a table has to be absent to be taken for deleted. */
  readonly deletedAfterMs?: number;
}

/** A look that is under way. */
interface Look {
  readonly begunAt: number;
  /** So it was answered. */
  absent: boolean;
  /** Never rejects. */
  ended: Promise<void>;
}

type Seen = Pick<TableFacts, 'indexes' | 'replicas'>;

/**
 * These may pass: the way to the service, or the service, is broken for now; or credentials cannot be had just now,
 * while those that the writes are signed with still serve. Where they do not, the writes end the run.
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
  /** By a look that somebody waited for or not: the table is another one, or cannot be used. */
  #found: { readonly thrown: unknown } | null = null;
  #seen: Seen;
  /** The last look was not, or is not yet. */
  #unanswered = false;

  constructor(options: TargetGuardOptions) {
    this.#options = options;
    this.#everyMs = options.lookEveryMs ?? LOOK_EVERY_MS;
    this.#nextLook = performance.now() + this.#everyMs;
    this.#seen = options.begun;
  }

  async atCheckpoint(signal: AbortSignal): Promise<void> {
    // A run that is stopping records what is done: that is bound to the table like all else, and the next run looks
    // first.
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

  /** An index or a replica that came, went or is in another state since the last look. */
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

  /** Once, until one is answered again. */
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

/** What is worth a word, and by which key it is known again. */
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

/** What it was: credentials, the way there, or the service. */
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

/** Found by a look, not by a request that was refused. */
class AnotherTable extends FerryError {}

function deleted(table: string): FerryError {
  return new AnotherTable(
    'E_TARGET_GONE',
    `somebody deleted table ${table} during this run`,
    'find out who did that. `dynaferry backfill --create-table --restart` creates it again and moves all rows',
  );
}

/** Also for a shard that begins with another table than the run did. */
export function replaced(table: string): FerryError {
  return new AnotherTable(
    'E_TARGET_GONE',
    `table ${table} is not the table that this run started with: it was deleted and created again, or its name leads elsewhere now. Later writes and comparisons may be of either table`,
    'find out who did that. The state is about the first table: `dynaferry backfill --restart` moves all rows into the new one',
  );
}
