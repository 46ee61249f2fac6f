/**
 * Plans made of fates, and plans made of plans. A plan is asked once a request, in order of arrival, and may remember.
 */
import { type Fate, type FaultPlan, PASS } from './fates.js';

/** The first request meets the first fate, and so on; when they are used up, all pass. */
export function inOrder(...fates: readonly Fate[]): FaultPlan {
  return (request) => fates[request.ordinal] ?? PASS;
}

/** Each request meets one of the fates with that chance, else it passes. */
export function atRandom(random: () => number, chance: number, fates: readonly Fate[]): FaultPlan {
  return () => (random() < chance ? (fates[Math.floor(random() * fates.length)] ?? PASS) : PASS);
}

/** The first plan that has more in mind than to let it pass. */
export function firstOf(...plans: readonly FaultPlan[]): FaultPlan {
  return (request) => {
    for (const plan of plans) {
      const fate = plan(request);
      if (fate.kind !== 'pass') return fate;
    }
    return PASS;
  };
}

/** Requests `from` (from 0) to `to`, without that one: a fault that comes in mid-run, lasts, and goes. */
export function between(from: number, to: number, fate: Fate): FaultPlan {
  return ({ ordinal }) => (ordinal >= from && ordinal < to ? fate : PASS);
}

/** The first entry that is ever seen comes back unprocessed from so many requests, whatever else is in them. */
export function stubborn(rounds: number): FaultPlan {
  let chosen: string | undefined;
  let left = rounds;
  return ({ entries }) => {
    chosen ??= entries[0];
    if (left === 0 || !entries.some((entry) => entry === chosen)) return PASS;
    left--;
    return { kind: 'unprocessed', where: (entry) => entry === chosen };
  };
}

/** All puts of one partition key come back unprocessed while the test says so. */
export function refusingPartition(name: string, value: string, active: () => boolean = () => true): FaultPlan {
  const key = JSON.stringify({ S: value });
  const where = (entry: string): boolean => {
    const { PutRequest } = JSON.parse(entry) as { PutRequest?: { Item: Record<string, unknown> } };
    return JSON.stringify(PutRequest?.Item[name]) === key;
  };
  return () => (active() ? { kind: 'unprocessed', where } : PASS);
}

/** Signatures of that access key are refused as expired while the test says so: others pass. */
export function expiredCredentials(accessKeyId: string, active: () => boolean = () => true): FaultPlan {
  return ({ headers }) =>
    active() && String(headers['authorization']).includes(`Credential=${accessKeyId}/`)
      ? { kind: 'error', status: 400, name: 'ExpiredTokenException' }
      : PASS;
}

const TOLERATED_SKEW_MS = 15 * 60_000;

/** A service whose clock is `offsetMs` ahead of this machine's, and which takes signatures 15 minutes around it. */
export function skewedClock(offsetMs: number): FaultPlan {
  return ({ headers }) => {
    const [, y, m, d, H, M, S] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers['x-amz-date'])) ?? [];
    const signed = Date.parse(`${y}-${m}-${d}T${H}:${M}:${S}Z`);
    const date = new Date(Date.now() + offsetMs);
    if (Math.abs(signed - date.getTime()) <= TOLERATED_SKEW_MS) return PASS;
    return { kind: 'error', status: 400, name: 'InvalidSignatureException', date };
  };
}

/** A plan of control requests: DescribeTable answers with that status while the test says so. */
export function tableStatus(status: string, active: () => boolean = () => true): FaultPlan {
  return tableTold({ TableStatus: status }, active);
}

/** The table says that it takes so many write units a second at once. */
export function warmTable(writeUnits: number): FaultPlan {
  return tableTold({ WarmThroughput: { WriteUnitsPerSecond: writeUnits } });
}

/** DescribeTable answers with these facts in the place of its own while the test says so. */
export function tableTold(facts: Record<string, unknown>, active: () => boolean = () => true): FaultPlan {
  const alter = (answer: Record<string, unknown>): Record<string, unknown> => ({
    ...answer,
    Table: { ...(answer['Table'] as Record<string, unknown> | undefined), ...facts },
  });
  return ({ operation }) => (operation === 'DescribeTable' && active() ? { kind: 'altered', alter } : PASS);
}
