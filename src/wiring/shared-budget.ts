/**
 * Gives a run its part of the table's budget. All runs of this machine on one state folder share it
 * (`state/shared/budget-ledger.ts`). Writing and reading have separate budgets.
 */
import type { Config } from '../config/model.js';
import { BudgetShares, REST_MS } from '../core/capacity/budget-shares.js';
import type { Fault } from '../core/errors.js';
import { TokenBucket } from '../dynamodb/capacity/token-bucket.js';
import type { Wait } from '../engine/pass/stall-watch.js';
import { BudgetLedger, hasLedger, noteGoneRuns, runsWithPart } from '../state/shared/budget-ledger.js';

/** A part of the whole that no other run has. It changes as runs come and go. */
export interface SharedBudget {
  /**
   * Call it twice a second.
   * @param inUse the most that is spent now, as a part of the whole
   * @param wants false while nothing is to be spent: other runs then get the part, as far as it is not in use
   * @returns the part of the whole that may be spent
   */
  look(inUse: number, wants?: boolean): number;
  /**
   * Call it after each look. It returns each warning once. One says that a new ledger replaces a damaged one. The other
   * says which run has the part that this one has waited for too long.
   */
  warning(): Fault | null;
  leave(): void;
}

/** Time between two looks at the ledger, in ms: `SharedBudget.look` wants two a second. */
export const LOOK_EVERY_MS = 500;
/** Looks without any part of the budget before a warning: 20 looks are ten seconds. */
const PATIENT_LOOKS = 20;

/** For runs that spend nothing and share with nobody. */
export const UNSHARED: SharedBudget = { look: () => 1, warning: () => null, leave: () => undefined };

/** Lets the parts of ended runs rest. Call it before a run looks at its shards, so that they rest in that time. */
export function restMeanwhile(config: Config): void {
  noteGoneRuns({ folder: config.state, restMs: REST_MS });
}

type Shared = Pick<Config, 'state' | 'target'>;
type Kind = 'write' | 'read';

function ledgerOf({ state, target }: Shared, kind: Kind): { readonly folder: string; readonly resource: string } {
  return { folder: state, resource: `${kind} ${target.table}` };
}

/** @throws FerryError E_STATE_IO, E_STATE_CORRUPT, E_STATE_LOCKED */
export function joinBudget(config: Shared, kind: Kind): SharedBudget {
  const { table } = config.target;
  const ledger = BudgetLedger.join({ ...ledgerOf(config, kind), restMs: REST_MS });
  let putAside = ledger.putAside;
  let looksInVain = 0;
  return {
    look(inUse, wants = true) {
      const look = ledger.look(inUse, wants);
      looksInVain = look.fraction > 0 || !wants ? 0 : looksInVain + 1;
      return look.fraction;
    },
    warning() {
      const file = putAside;
      putAside = null;
      if (file !== null) return madeNew(file);
      return looksInVain === PATIENT_LOOKS ? waiting(table, kind, runsWithPart(ledgerOf(config, kind)) ?? []) : null;
    },
    leave: () => ledger.leave(),
  };
}

function madeNew(file: string): Fault {
  return {
    code: 'E_STATE_CORRUPT',
    message: `the file of the shared capacity budget was damaged, for example by a power failure. dynaferry renamed it to ${file}, and made a new one`,
    hint: `do nothing: no other run uses it, and it held no lasting data; delete ${file} when you like`,
  };
}

function waiting(table: string, kind: Kind, others: readonly number[]): Fault {
  return {
    code: 'E_STATE_LOCKED',
    message: `${others.length === 0 ? 'another run' : runsOf(others)} has the whole ${kind} budget of table ${table}, and has not shared it for ${(PATIENT_LOOKS * LOOK_EVERY_MS) / 1_000} s; this run waits for it`,
    hint: 'check whether that process was stopped: let it continue, or end it; this command then continues by itself. A shard that has nothing for many minutes ends with E_STALLED: run the same command again to resume',
  };
}

function runsOf(pids: readonly number[]): string {
  return `the run of process ${pids.join(' and ')}`;
}

/**
 * Says what a shard without a part of the budget waits for: which run has it, by the ledger.
 * @param own process of the shard's own run
 */
export function starvation(config: Shared, kind: Kind, own: number): Wait {
  const holders = runsWithPart(ledgerOf(config, kind));
  const others = holders?.filter((pid) => pid !== own) ?? [];
  const part = `waits for a part of the ${kind} budget of table ${config.target.table}`;
  if (others.length > 0)
    return { fact: `${part}, which ${runsOf(others)} ${others.length === 1 ? 'has' : 'have'}`, next: lookAt(others) };
  if (holders?.includes(own) === true)
    return {
      fact: `${part}, which its own run (process ${own}) has and does not give to this shard`,
      next: lookAt([own]),
    };
  return {
    fact: `${part}; dynaferry does not know which run has it`,
    next: `check which runs of dynaferry on this machine use the state folder ${config.state}, and whether one was stopped: let it continue, or end it`,
  };
}

function lookAt(pids: readonly number[]): string {
  const list = pids.join(',');
  return `check whether that run, or a process that it started, was stopped (\`ps -o pid,stat,args -p ${list} --ppid ${list}\` shows T): let it continue, or end it`;
}

/**
 * Opens a bucket of this process for a few reads beside other runs. It makes no state folder: if no run ever used it,
 * there is nothing to share.
 * @param onWarning is called once with each warning about the budget
 * @throws FerryError E_STATE_IO, E_STATE_CORRUPT, E_STATE_LOCKED
 */
export function openReadBudget(
  config: Shared,
  onWarning: (fault: Fault) => void,
): { readonly bucket: TokenBucket; end(): void } {
  const bucket = new TokenBucket(0);
  const budget = hasLedger(config.state) ? joinBudget(config, 'read') : UNSHARED;
  const whole = config.target.readCapacity;
  const parts: BudgetShares<typeof bucket> = new BudgetShares(0, () => look());
  const look = (): void => {
    parts.setTotal(whole * budget.look(parts.inUse / whole));
    const warning = budget.warning();
    if (warning !== null) onWarning(warning);
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
