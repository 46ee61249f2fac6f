/**
 * Defines the faults of the machine: it refuses files, disk space, processes or memory. Each fault has its own code,
 * because its remedy is the same wherever it occurs. It may occur in the state, in a connection, or at the start of a
 * shard's process.
 *
 * The rule covers system calls by their errno (getrlimit(2), fork(2), open(2), write(2)) and SQLite by its result
 * codes. It also covers a process that the kernel or V8 ended because of its memory (`shards/supervisor.ts`). The
 * source's and the target's own limits are not included, because they have their own codes.
 */
import { FerryError } from '../errors.js';

/** Maximum depth of causes: an error may have a cause, and that cause another one. */
const DEEPEST = 5;

/**
 * Returns the fault of the machine that an error stands for.
 * @param doing what was tried, with its actor: `shard s01: opening the state file`
 * @param thrown judged by its own code, or by that of an error below it (`cause`)
 * @returns null where the machine is not to blame
 */
export function machineFault(doing: string, thrown: unknown): FerryError | null {
  for (let below = thrown, depth = 0; below != null && depth < DEEPEST; depth++) {
    const fault = faultOf(doing, below, thrown);
    if (fault !== null) return fault;
    below = (below as { readonly cause?: unknown }).cause;
  }
  return null;
}

function faultOf(doing: string, found: unknown, thrown: unknown): FerryError | null {
  const { code, syscall } = found as { readonly code?: unknown; readonly syscall?: unknown };
  switch (code) {
    case 'EMFILE':
      return files(`${doing}: this process may open no more files (${code})`, thrown);
    case 'ENFILE':
      return files(`${doing}: this machine has no more file handles (${code})`, thrown);
    case 'ENOSPC':
    case 'EDQUOT':
    case 'SQLITE_FULL':
      return new FerryError(
        'E_DISK_FULL',
        `${doing}: the disk is full (${code})`,
        'free some space on it (`df` shows it) and run the same command again; what is recorded stands',
        { cause: thrown },
      );
    case 'ENOMEM':
    case 'SQLITE_NOMEM':
    case 'ERR_MEMORY_ALLOCATION_FAILED':
      return outOfMemory(`${doing}: this machine has no more memory (${code})`, thrown);
    // EAGAIN from a socket or a pipe has another meaning.
    case 'EAGAIN':
      return typeof syscall === 'string' && syscall.startsWith('spawn')
        ? tooManyProcesses(`${doing}: this user may start no more processes (EAGAIN)`, thrown)
        : null;
    default:
      return isRefusedBuffer(found) ? outOfMemory(`${doing}: this machine has no more memory`, thrown) : null;
  }
}

/** Returns whether V8 refused a buffer. It gives that error no code. */
function isRefusedBuffer(found: unknown): boolean {
  return found instanceof RangeError && found.message === 'Array buffer allocation failed';
}

function files(message: string, cause: unknown): FerryError {
  const hint =
    'raise the limit of open files (`ulimit -n`; `LimitNOFILE` of a service), or run fewer shards at once (`--jobs`)';
  return new FerryError('E_TOO_MANY_FILES', message, hint, { cause });
}

export function tooManyProcesses(message: string, cause?: unknown): FerryError {
  return new FerryError(
    'E_TOO_MANY_PROCESSES',
    message,
    'raise the limit (`ulimit -u`; `TasksMax` of a service, the pids limit of a container), or run fewer shards at once (`--jobs`)',
    { cause },
  );
}

export function outOfMemory(message: string, cause?: unknown): FerryError {
  return new FerryError(
    'E_OUT_OF_MEMORY',
    message,
    'run fewer shards at once (`--jobs`), or give the machine or the container more memory; then run the same command again to resume',
    { cause },
  );
}
