/**
 * The runs that share a budget ledger. A lock shows whether a run is alive: the kernel drops the lock with the process.
 * A suspended process keeps its lock.
 */
import { join } from 'node:path';
import { FerryError } from '../../core/errors.js';
import type { StatePaths } from '../sqlite/files.js';
import { acquireLock, isLocked, type Lock } from '../sqlite/lock.js';

const FILE = 'budget.ledger';
/** Maximum number of concurrent runs on one state folder. */
const MOST_RUNS = 100;

export function pathsIn(folder: string): StatePaths {
  return {
    subject: 'the shared capacity budget',
    file: join(folder, FILE),
    putBack: null,
    remedy: 'make sure that no dynaferry runs on this state folder, and delete that file: it holds no lasting data',
  };
}

export function lockFile({ file }: StatePaths, run: number): string {
  return `${file}-${run}.lock`;
}

/** Returns the lock files of the runs that are alive, including this process's own. */
export function liveRuns(paths: StatePaths): readonly string[] {
  return Array.from({ length: MOST_RUNS }, (_, index) => lockFile(paths, index + 1)).filter((file) =>
    isLocked(file, paths),
  );
}

export function takeRun(paths: StatePaths): { readonly lock: Lock; readonly run: number } {
  for (let run = 1; run <= MOST_RUNS; run++) {
    const lock = acquireLock(lockFile(paths, run), paths, 0);
    if (lock !== null) return { lock, run };
  }
  throw new FerryError(
    'E_STATE_LOCKED',
    `${paths.subject}: ${MOST_RUNS} runs share it already`,
    'wait until one of them has ended, or name several shards in one run',
  );
}
