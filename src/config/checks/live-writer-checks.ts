/**
 * Checks what `liveWriter: concurrent` needs, without the tables' columns. It needs an attribute that holds the
 * version. It also needs tombstones that stay longer than any write that DynamoDB could still apply.
 */
import { leastTombstoneSeconds } from '../../core/time/row-life.js';
import { type ConfigFault, invalid } from '../config-fault.js';
import { pathText } from '../../core/text/config-path.js';
import { durationSeconds } from '../schema/fields.js';
import type { ConfigNode } from './config-node.js';
import { DEFAULT_LAG_SECONDS } from '../schema/source-schema.js';
import { DEFAULT_RETRY_TIMEOUT_SECONDS } from '../schema/target-schema.js';

export function liveWriterChecks(root: ConfigNode): readonly ConfigFault[] {
  const target = root.at('target');
  const [liveWriter, version] = [target.at('liveWriter'), target.at('version')];
  const concurrent = liveWriter.text === 'concurrent';
  if (concurrent && !version.given) {
    return [
      invalid(
        liveWriter.path,
        'is concurrent, but nothing says which of two items is newer',
        "add target.version: { attribute: NAME }: the attribute with an item's version, in the application's items too",
      ),
    ];
  }
  if (!version.given) return [];
  const unused = invalid(
    version.path,
    'is of use only with `liveWriter: concurrent`',
    'set liveWriter: concurrent, or remove `version`: without another writer, batches overwrite existing items',
  );
  // The schema reports any other value of liveWriter.
  const alone = !liveWriter.given || liveWriter.text === 'none';
  return [...(alone ? [unused] : []), ...otherUses(version.at('attribute'), root), ...keptTooShort(version, root)];
}

/**
 * Checks that the version attribute has no other use: keys never change, and an expiry does not show which item is
 * newer.
 */
function otherUses(attribute: ConfigNode, root: ConfigNode): readonly ConfigFault[] {
  const items = root.at('mapping').values.flatMap((table) => table.at('items').entries);
  const taken = items.flatMap((item) => [
    item.at('partitionKey').at('name'),
    item.at('sortKey').at('name'),
    item.at('ttl').at('attribute'),
  ]);
  const same = taken.find(({ text }) => text !== null && text === attribute.text);
  if (same === undefined) return [];
  return [
    invalid(
      attribute.path,
      `is ${pathText(same.path)}, which does not grow with each change of an item`,
      'name an attribute that grows: a counter, or the time of the last change',
    ),
  ];
}

function keptTooShort(version: ConfigNode, root: ConfigNode): readonly ConfigFault[] {
  const kept = version.at('tombstoneRetention');
  const seconds = kept.text === null ? null : durationSeconds(kept.text);
  if (seconds === null) return [];
  const patience = numberOr(root.at('target').at('retryTimeoutSeconds'), DEFAULT_RETRY_TIMEOUT_SECONDS);
  const lag = numberOr(root.at('source').at('limits').at('maxReplicaLagSeconds'), DEFAULT_LAG_SECONDS);
  const least = leastTombstoneSeconds(patience, lag);
  if (seconds >= least) return [];
  return [
    invalid(
      kept.path,
      `is too short: a late write could bring a deleted item back, unless tombstones stay for at least ${least}s`,
      'let the application keep them longer, or lower target.retryTimeoutSeconds or source.limits.maxReplicaLagSeconds',
    ),
  ];
}

function numberOr({ value }: ConfigNode, fallback: number): number {
  return typeof value === 'number' ? value : fallback;
}
