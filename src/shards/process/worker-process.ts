/**
 * Starts the process of a shard without a terminal, sends messages to it, and lets go of one that does not even die.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ToWorker } from '../protocol.js';

/**
 * @param program the file that the process runs
 * @returns what Node threw instead: five faults of the machine are events of the child, all others are thrown (ENOMEM,
 * EIO of the disk that Node is on). The other shards go on, and the run's end is theirs too.
 */
export function startWorker(program: URL): ChildProcess | Error {
  try {
    // Without flags of V8's own: with any, it throws away the compiled code that Node brings of its own modules.
    // It has no terminal: one that goes away is nothing to it. And nothing that Node or V8 say of themselves gets
    // between lines of a log.
    return fork(fileURLToPath(program), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      ...(isWorkingDirectoryThere() ? {} : { cwd: '/' }),
    });
  } catch (thrown) {
    return thrown as Error;
  }
}

/** Node cannot start in a folder that was deleted after this process had started. */
function isWorkingDirectoryThere(): boolean {
  try {
    return process.cwd() !== '';
  } catch {
    return false;
  }
}

/** Sends a message. It drops one for a child that is gone: the end of the child is noticed elsewhere. */
export function send(child: ChildProcess, message: ToWorker): void {
  if (child.connected) child.send(message, () => undefined);
}

/** Lets go of a child that does not even die: it does not keep this process from ending either. */
export function leave(child: ChildProcess): void {
  child.stderr?.destroy();
  if (child.connected) child.disconnect();
  child.unref();
}
