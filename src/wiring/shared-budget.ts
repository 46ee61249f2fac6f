/**
 * A run's part of the table's budget: all runs of this machine on one state folder share it (`state/budget-ledger.ts`). Writing and reading
 * are budgets of their own.
 */
import type { Config } from '../config/model.js';
import { BudgetShares, REST_MS } from '../core/budget-shares.js';
import type { Fault } from '../core/errors.js';
import { TokenBucket } from '../dynamodb/budget.js';
import { BudgetLedger, hasLedger, noteGoneRuns } from '../state/budget-ledger.js';

/** A part of the whole that nobody else has, as others come and go. */
export interface SharedBudget {
  /**
   * To be asked twice a second.
   * @param inUse the most that is spent now, of the whole @returns the part of the whole that may be spent
   */
  look(inUse: number): number;
  /** What is to be said where a run has waited for its part for too long: who has it. */
  waitingFor(): Fault | null;
  leave(): void;
}

export const LOOK_EVERY_MS = 500;
const PATIENT_LOOKS = 20;

/** For runs that spend nothing: nobody has to share. */
export const UNSHARED: SharedBudget = { look: () => 1, waitingFor: () => null, leave: () => undefined };

/** To be called before a run looks at its shards: what runs have left that are gone rests meanwhile. */
export function restMeanwhile(config: Config): void {
  noteGoneRuns({ folder: config.state, restMs: REST_MS });
}

/** @throws FerryError E_STATE_IO, E_STATE_CORRUPT, E_STATE_LOCKED */
export function joinBudget(config: Pick<Config, 'state' | 'target'>, kind: 'write' | 'read'): SharedBudget {
  const { table } = config.target;
  const ledger = BudgetLedger.join({ folder: config.state, resource: `${kind} ${table}`, restMs: REST_MS });
  let looksInVain = 0;
  let others: readonly number[] = [];
  return {
    look(inUse) {
      const look = ledger.look(inUse);
      looksInVain = look.fraction > 0 ? 0 : looksInVain + 1;
      others = look.others;
      return look.fraction;
    },
    waitingFor: () => (looksInVain === PATIENT_LOOKS ? waiting(table, kind, others) : null),
    leave: () => ledger.leave(),
  };
}

function waiting(table: string, kind: string, others: readonly number[]): Fault {
  const who = others.length === 0 ? 'another run' : `the run of process ${others.join(' and ')}`;
  return {
    code: 'E_STATE_LOCKED',
    message: `${who} has the whole ${kind} budget of table ${table}, and has given up nothing for ${(PATIENT_LOOKS * LOOK_EVERY_MS) / 1_000} s; it is waited for`,
    hint: 'see whether that process was stopped: let it go on, or end it; this command goes on by itself then. A shard that has nothing for many minutes ends with E_STALLED: run the same command again to resume',
  };
}

/**
 * A bucket of this process for a few reads beside the runs that there may be. It makes no state folder: where nobody ever ran, nobody shares.
 * @param onWait called once where it has waited for its part for too long
 * @throws FerryError E_STATE_IO, E_STATE_CORRUPT, E_STATE_LOCKED
 */
export function openReadBudget(
  config: Pick<Config, 'state' | 'target'>,
  onWait: (fault: Fault) => void,
): { readonly bucket: TokenBucket; end(): void } {
  const bucket = new TokenBucket(0);
  const budget = hasLedger(config.state) ? joinBudget(config, 'read') : UNSHARED;
  const whole = config.target.readCapacity;
  const parts: BudgetShares<typeof bucket> = new BudgetShares(0, () => look());
  const look = (): void => {
    parts.setTotal(whole * budget.look(parts.inUse / whole));
    const waits = budget.waitingFor();
    if (waits !== null) onWait(waits);
  };
  parts.join(bucket, (units) => {
    bucket.setLimit(units);
    parts.granted(bucket, units);
  });
  look();
  const looking = setInterval(look, LOOK_EVERY_MS);
  return {
    bucket,
    end() {
      clearInterval(looking);
      parts.end();
      budget.leave();
    },
  };
}
