/**
 * The process of a shard as its parent handles it: started without a terminal, told what to do, and left where it does
 * not even die.
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

/** Node cannot start in a folder that was deleted meanwhile. */
function isWorkingDirectoryThere(): boolean {
  try {
    return process.cwd() !== '';
  } catch {
    return false;
  }
}

/** A child that has gone is told nothing: its end is seen by itself. */
export function send(child: ChildProcess, message: ToWorker): void {
  if (child.connected) child.send(message, () => undefined);
}

/** One that does not even die is waited for by nobody, the end of this process included. */
export function leave(child: ChildProcess): void {
  child.stderr?.destroy();
  if (child.connected) child.disconnect();
  child.unref();
}
