/**
 * What the machine refuses, whoever asks it for something: files, room on a disk, processes, memory. Each has a code of its own, since what
 * helps is the same wherever it shows: in the state, in a connection, where a shard's process is started.
 *
 * How far the kind was followed: system calls by their errno (getrlimit(2), fork(2), open(2), write(2)), SQLite by its result codes, a
 * process that the kernel or V8 ended for its memory (shards/supervisor.ts). Not the source's and the target's own limits, which have
 * codes of theirs.
 */
import { FerryError } from './errors.js';

/** @param doing what was tried, with its actor: `shard s01: opening the state file` @returns null where the machine is not to blame */
export function machineFault(doing: string, thrown: unknown): FerryError | null {
  const { code, syscall } = (thrown ?? {}) as { readonly code?: unknown; readonly syscall?: unknown };
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
      return outOfMemory(`${doing}: this machine has no more memory (${code})`, thrown);
    // What a socket or a pipe says so is another matter.
    case 'EAGAIN':
      return typeof syscall === 'string' && syscall.startsWith('spawn')
        ? tooManyProcesses(`${doing}: this user may start no more processes (EAGAIN)`, thrown)
        : null;
    default:
      return null;
  }
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
