/**
 * Runs a program in namespaces of its own, as a container has them. Only root can make them, on Linux. Elsewhere such a
 * test is skipped, and counted as skipped.
 */
import { execFileSync } from 'node:child_process';

/** Put before a program: it is the first process of a pid namespace. */
export const PID_NAMESPACE = 'unshare --pid --fork --kill-child --mount-proc';

/** Put before a program: its monotonic clock is a day and more ahead. */
export const TIME_NAMESPACE = 'unshare --time --monotonic=100000 --fork --kill-child';

/** Put before a program: what it mounts is there for it alone. */
export const MOUNT_NAMESPACE = 'unshare --mount';

/** @param namespace one of these */
export function canMake(namespace: string): boolean {
  try {
    execFileSync('sh', ['-c', `${namespace} true`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
