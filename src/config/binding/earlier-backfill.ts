/**
 * Says whether earlier states of a shard wrote items under other item keys than the present one. A restart leaves those
 * items in the target, and a comparison of rows with their items does not see them.
 */
import { isDeepStrictEqual } from 'node:util';
import type { EarlierBackfill } from '../../core/evidence.js';
import type { Fingerprint } from '../../core/ports/state-records.js';
import { takenUp } from './binding-rules.js';

/** The part of a fingerprint (`fingerprint.ts`) that says where items are written, and under which keys. */
interface Written {
  readonly target?: { readonly identity?: unknown };
  readonly tables?: Readonly<
    Record<
      string,
      { readonly items?: Readonly<Record<string, { readonly partitionKey?: unknown; readonly sortKey?: unknown }>> }
    >
  >;
}

/**
 * Returns what the earlier states wrote.
 * @param former the settings of each; null: unknown settings
 */
export function earlierBackfill(former: readonly (Fingerprint | null)[], fingerprint: Fingerprint): EarlierBackfill {
  // In its stored form, so that what JSON cannot hold does not count as a difference.
  const now = JSON.parse(JSON.stringify(fingerprint)) as Fingerprint;
  const found = former.map((settings) => (settings === null ? 'unknown-keys' : judged(takenUp(settings, now), now)));
  for (const worst of ['other-keys', 'unknown-keys', 'same-keys'] as const) if (found.includes(worst)) return worst;
  return 'none';
}

function judged(before: Written, now: Written): EarlierBackfill {
  const [wasIn, isIn] = [before.target?.identity, now.target?.identity];
  // Its items are in another table.
  if (wasIn !== undefined && wasIn !== isIn) return 'none';
  const kept = Object.entries(before.tables ?? {}).every(([table, { items = {} }]) =>
    Object.entries(items).every(([label, { partitionKey, sortKey }]) => {
      const item = now.tables?.[table]?.items?.[label];
      return item !== undefined && isDeepStrictEqual([partitionKey, sortKey], [item.partitionKey, item.sortKey]);
    }),
  );
  return kept ? 'same-keys' : 'other-keys';
}
