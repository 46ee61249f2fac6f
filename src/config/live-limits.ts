/**
 * Checks limits and budgets that are to change during a run. Their bounds are those of the same settings in the file.
 * The config's rules between two settings apply too.
 */
import * as z from 'zod';
import { FerryError } from '../core/errors.js';
import { nearest } from '../core/text/nearest.js';
import { leastTombstoneSeconds } from '../core/time/row-life.js';
import type { VersionConfig } from './model.js';
import { limitsShape } from './schema/source-schema.js';
import { targetShape } from './schema/target-schema.js';
import type { Limits } from './tunables.js';

const SOURCE = limitsShape.shape;
const TARGET = targetShape.shape;

const SHAPES = {
  scansPerServer: SOURCE.scansPerServer.unwrap(),
  chunkMs: SOURCE.chunkMs.unwrap(),
  chunkRows: SOURCE.chunkRows.unwrap(),
  chunkBytes: SOURCE.chunkBytes.unwrap(),
  maxReplicaLagSeconds: SOURCE.maxReplicaLagSeconds.unwrap(),
  maxThreadsRunning: SOURCE.maxThreadsRunning.unwrap(),
  maxPauseSeconds: SOURCE.maxPauseSeconds.unwrap(),
  sourcePatienceSeconds: SOURCE.retryTimeoutSeconds.unwrap(),
  maxInFlightRequests: TARGET.maxInFlightRequests.unwrap(),
  targetPatienceSeconds: TARGET.retryTimeoutSeconds.unwrap(),
  everyEvent: z.boolean(),
} as const satisfies Record<keyof Limits, z.ZodInt | z.ZodBoolean>;

const NOTHING_CHANGED = 'the run goes on with the limits that it had; correct the value and try again';

/**
 * Checks that changes name known limits with values within their bounds.
 * @param changes as they were asked for, from outside
 * @param now the limits that they change
 * @param version `target.version` of the config
 * @returns the same changes
 * @throws FerryError E_LIMIT_INVALID: nothing has changed then
 */
export function checkedLimits(changes: unknown, now: Limits, version: VersionConfig | null): Partial<Limits> {
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes)) {
    throw invalid('limits are given as an object of names and values');
  }
  for (const [name, value] of Object.entries(changes)) {
    if (!isLimit(name)) throw unknown(name);
    if (!SHAPES[name].safeParse(value).success) throw invalid(`${name} must be ${boundsOf(SHAPES[name])}`);
  }
  const limits: Limits = { ...now, ...changes };
  const kept = version?.tombstoneRetentionSeconds ?? null;
  const least = leastTombstoneSeconds(limits.targetPatienceSeconds, limits.maxReplicaLagSeconds);
  if (kept !== null && kept < least) {
    throw invalid(
      `with these limits, tombstones must be kept for at least ${least} s, and target.version.tombstoneRetention is ${kept} s: a deleted item could come back`,
    );
  }
  return changes;
}

/**
 * Checks a budget for a run, in capacity units a second.
 * @returns the same number
 * @throws FerryError E_LIMIT_INVALID
 */
export function checkedBudget(unitsPerSecond: unknown): number {
  const parsed = TARGET.writeCapacity.safeParse(unitsPerSecond);
  if (!parsed.success) throw invalid(`a budget in capacity units a second must be ${boundsOf(TARGET.writeCapacity)}`);
  return parsed.data;
}

function isLimit(name: string): name is keyof Limits {
  return Object.hasOwn(SHAPES, name);
}

function boundsOf(shape: z.ZodInt | z.ZodBoolean): string {
  return shape instanceof z.ZodBoolean
    ? 'true or false'
    : `a whole number from ${shape.minValue ?? 0} to ${shape.maxValue ?? Infinity}`;
}

function unknown(name: string): FerryError {
  const known = Object.keys(SHAPES);
  const near = nearest(name, known);
  const which = near === null ? `the limits are ${known.join(', ')}` : `did you mean "${near}"?`;
  return new FerryError('E_LIMIT_INVALID', 'no limit of that name can change during a run', which);
}

function invalid(fact: string): FerryError {
  return new FerryError('E_LIMIT_INVALID', fact, NOTHING_CHANGED);
}
