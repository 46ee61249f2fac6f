/**
 * Starts the process of a shard without a terminal, sends messages to it, and lets go of one that does not even die.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ToWorker } from '../protocol.js';

/**
 * @param program the file that the process runs
 * @returns what Node threw instead. Five faults of the machine are events of the child, and Node throws all others
 *   (ENOMEM, EIO of the disk that Node is on). The other shards continue, and the run ends in order for them too
 */
export function startWorker(program: URL): ChildProcess | Error {
  try {
    // No flags of V8 here: with any, V8 drops the compiled code that Node ships of its own modules. The process has no
    // terminal, so the loss of one does not matter to it. And messages of Node or V8 itself do not get between lines of
    // a log.
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

/** Sends a message. It drops one for a child that is gone: other code notices the end of the child. */
export function send(child: ChildProcess, message: ToWorker): void {
  if (child.connected) child.send(message, () => undefined);
}

/** Lets go of a child that does not even die, so that it does not keep this process from ending either. */
export function leave(child: ChildProcess): void {
  child.stderr?.destroy();
  if (child.connected) child.disconnect();
  child.unref();
}
