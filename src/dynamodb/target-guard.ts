/**
 * Watches that the target stays the table that a run began with. A table that is deleted and made again, restored under the name, or
 * found elsewhere since a name or an endpoint leads elsewhere, answers every request as if nothing had happened; only DescribeTable tells.
 *
 * The bound: what one process writes or compares is recorded at most `LOOK_EVERY_MS` after a look that found the same table, and the end
 * of a table's pass is recorded only after a look that was sent when all of it had been written or compared. What came between the last
 * good look and the replacement is vouched for by nobody: all of it is bound to the first table's identity, and a resume refuses it
 * (E_STATE_CHANGED). AWS answers DescribeTable from metadata that may be some seconds old; deleting and making a table takes longer.
 *
 * Looked through for siblings: deleted and made again, with the same keys or others; deleted alone, or being deleted; restored from a
 * backup; another region, account or endpoint (the ARN, or the id); archived, its KMS key out of reach, replication denied; an index or
 * a replica added, built or deleted in mid-run (named, no fault: neither changes what is in the table); TTL switched on or off
 * (`StateStore.noteTtl`, at both ends of a verification); a stream switched on (the preflight names it; it changes no item). Connections
 * that a name led to before it led elsewhere stay where they are: a look over a new one may see the other table first, and refuses early.
 */
import { FerryError, type Fault } from '../core/errors.js';
import type { Emitter } from '../core/events.js';
import type { TargetGuard } from '../core/ports.js';
import { retryDelay } from './backoff.js';
import type { TargetConnection } from './client.js';
import { pause } from './pause.js';
import { lookAtTable, type TableFacts } from './table-facts.js';
import { indexState, replicaState, requireUsable } from './table-states.js';

/**
 * AWS takes 2,500 control plane requests a second of an account, all tools together, and advises to ask seldom: 90 processes make 3 a
 * second, and what goes into a table that nobody wants is half a minute's.
 */
export const LOOK_EVERY_MS = 30_000;

export interface TargetGuardOptions {
  readonly connection: TargetConnection;
  readonly shard: string;
  readonly table: string;
  /** The table as it was when the shard was bound to it. */
  readonly begun: Pick<TableFacts, 'identity' | 'indexes' | 'replicas'>;
  /** How long a verdict waits for a look that is answered. */
  readonly patienceSeconds: number;
  readonly emitter: Emitter;
  readonly lookEveryMs?: number;
}

type Seen = Pick<TableFacts, 'indexes' | 'replicas'>;

/**
 * These may pass: the way to the service, or the service, is broken for now; or credentials cannot be had just now, while those that the
 * writes are signed with still serve. Where they do not, the writes end the run.
 */
const PASSING: ReadonlySet<string> = new Set(['E_TARGET_UNAVAILABLE', 'E_TARGET_CONNECT', 'E_TARGET_CREDENTIALS']);

export function openTargetGuard(options: TargetGuardOptions): TargetGuard {
  return new TableIdentityGuard(options);
}

class TableIdentityGuard implements TargetGuard {
  readonly #options: TargetGuardOptions;
  readonly #everyMs: number;
  #nextLook: number;
  /** Of all chunks that wait at once. */
  #look: Promise<void> | null = null;
  #seen: Seen;
  #unansweredTold = false;

  constructor(options: TargetGuardOptions) {
    this.#options = options;
    this.#everyMs = options.lookEveryMs ?? LOOK_EVERY_MS;
    this.#nextLook = performance.now() + this.#everyMs;
    this.#seen = options.begun;
  }

  async atCheckpoint(signal: AbortSignal): Promise<void> {
    // A run that is stopping records what is done: that is bound to the table like all else, and the next run looks first.
    if (performance.now() < this.#nextLook || signal.aborted) return;
    this.#look ??= this.#lookIfAnswered(signal).finally(() => (this.#look = null));
    await this.#look;
  }

  async confirm(signal: AbortSignal): Promise<void> {
    const until = performance.now() + this.#options.patienceSeconds * 1_000;
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

  async #lookIfAnswered(signal: AbortSignal): Promise<void> {
    try {
      await this.#lookAgain(signal);
    } catch (thrown) {
      if (signal.aborted) return;
      if (!mayPass(thrown)) throw thrown;
      this.#warnUnanswered(thrown);
    }
    this.#nextLook = performance.now() + this.#everyMs;
  }

  async #lookAgain(signal: AbortSignal): Promise<void> {
    const { connection, table, begun } = this.#options;
    const facts = await lookAtTable(connection, table, signal);
    if (facts === null) throw deleted(table);
    if (facts.identity !== begun.identity) throw replaced(table);
    requireUsable(table, facts.status, facts.details);
    this.#tellChanges(facts);
    this.#seen = facts;
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
        message: `table ${table} changed in mid-run: ${said}`,
        hint: 'nothing to do for what is moved; expect a slower run, and look at the table’s indexes and replicas before they are relied on',
      });
    }
  }

  #warnUnanswered({ code, message }: FerryError): void {
    if (this.#unansweredTold) return;
    this.#unansweredTold = true;
    const { table } = this.#options;
    if (code === 'E_TARGET_CREDENTIALS') {
      this.#warn({
        code,
        message,
        hint: 'renew the credentials: the run goes on, and gives no verdict before they serve again',
      });
      return;
    }
    this.#warn({
      code: 'E_TARGET_UNAVAILABLE',
      message: `DescribeTable on table ${table} is not answered: whether it is still the same table is looked at again later`,
      hint: 'look at the AWS Health dashboard; the run goes on, and gives no verdict before DescribeTable is answered',
    });
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

function mayPass(thrown: unknown): thrown is FerryError {
  return thrown instanceof FerryError && PASSING.has(thrown.code);
}

/** Found by a look, not by a request that was refused. */
class AnotherTable extends FerryError {}

function deleted(table: string): FerryError {
  return new AnotherTable(
    'E_TARGET_GONE',
    `table ${table} was deleted while this run used it`,
    'find out who did that. `dynaferry backfill --create-table --restart` makes it again and moves all rows',
  );
}

/** Also for a shard that begins with another table than the run did. */
export function replaced(table: string): FerryError {
  return new AnotherTable(
    'E_TARGET_GONE',
    `table ${table} is another one than when this run began: it was deleted and made again, or its name leads elsewhere now. What was written or compared since may be in either`,
    'find out who did that. The state speaks of the first table: `dynaferry backfill --restart` moves all rows into the new one',
  );
}
