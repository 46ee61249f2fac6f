/**
 * A finding of the preflight with its owner. The fault of one shard keeps that shard out of a run, and the others run
 * without it. A fault that concerns all shards refuses the whole run: a shard could overwrite items of another one, or
 * none could run at all.
 */
import type { ErrorCode, FerryError, Finding } from '../../core/errors.js';

export interface OwnedFinding extends Finding {
  /** The shards whose own fault it is; null: it concerns the run as a whole. */
  readonly shards: readonly string[] | null;
}

/** What one part of the preflight found. */
export interface Part {
  readonly findings: readonly OwnedFinding[];
  /** Lines on what is in order. Each names only what was looked at. */
  readonly seen: readonly string[];
  /** Lines on what was not looked at, each with the reason. */
  readonly unseen: readonly string[];
}

export const NOTHING_FOUND: Part = { findings: [], seen: [], unseen: [] };

/** These are faults of the machine, whatever shard the preflight looked at when it met them. */
const OF_THE_MACHINE: ReadonlySet<ErrorCode> = new Set([
  'E_TOO_MANY_FILES',
  'E_TOO_MANY_PROCESSES',
  'E_OUT_OF_MEMORY',
  'E_DISK_FULL',
]);

/** Returns the finding as the shard's own, unless it is a fault of the machine. */
export function ofShard(shard: string, finding: Finding): OwnedFinding {
  return { ...finding, shards: OF_THE_MACHINE.has(finding.code) ? null : [shard] };
}

/** Returns findings that concern the run as a whole. */
export function ofRun(findings: readonly Finding[]): readonly OwnedFinding[] {
  return findings.map((finding) => ({ ...finding, shards: null }));
}

export function errorsOf(error: FerryError): readonly Finding[] {
  const faults = error.faults.length > 0 ? error.faults : [error.toFault()];
  return faults.map((fault) => ({ ...fault, level: 'error' as const }));
}

/** Returns the shards that have an error of their own. */
export function shardsAtFault(findings: readonly OwnedFinding[]): ReadonlySet<string> {
  return new Set(findings.flatMap(({ level, shards }) => (level === 'error' ? (shards ?? []) : [])));
}

/**
 * Keeps each finding once, with all its owners: a fault of the mapping shows on every shard. Where an error and a
 * warning say the same, the error stays.
 */
export function distinct(findings: readonly OwnedFinding[]): readonly OwnedFinding[] {
  const kept = new Map<string, OwnedFinding>();
  for (const finding of findings) {
    const key = `${finding.code}:${finding.message}`;
    const same = kept.get(key);
    if (same === undefined || (same.level === 'warning' && finding.level === 'error')) kept.set(key, finding);
    else if (same.level === finding.level) kept.set(key, { ...same, shards: bothOwners(same.shards, finding.shards) });
  }
  return [...kept.values()];
}

function bothOwners(some: readonly string[] | null, others: readonly string[] | null): readonly string[] | null {
  return some === null || others === null ? null : [...new Set([...some, ...others])];
}
