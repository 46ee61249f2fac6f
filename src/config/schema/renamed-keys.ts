/** Keys that earlier versions used, each with the key that replaced it. A config with an old key is refused by name. */
import type { Path } from '../../core/text/config-path.js';

/** Old key -> new key, as dotted paths. The meaning and the values of each stay the same. */
export const RENAMED_KEYS: Readonly<Record<string, string>> = {
  'source.limits.answerSeconds': 'source.limits.statementIdleTimeoutSeconds',
  'source.limits.patienceSeconds': 'source.limits.retryTimeoutSeconds',
  'source.limits.scansPerShard': 'source.limits.scansPerServer',
  'target.patienceSeconds': 'target.retryTimeoutSeconds',
  'target.requestsInFlight': 'target.maxInFlightRequests',
  'target.version.tombstonesKept': 'target.version.tombstoneRetention',
};

/** @returns the dotted path of the key that replaced the one at `path`; null: no key was renamed there */
export function newNameOf(path: Path): string | null {
  const name = path.join('.');
  return Object.hasOwn(RENAMED_KEYS, name) ? (RENAMED_KEYS[name] ?? null) : null;
}
