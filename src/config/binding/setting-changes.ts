/**
 * What a change of each setting of the config means in mid-migration: between two runs of one shard, and between two
 * shards. The one list of it: the fingerprint is bound by it (`binding-rules.ts`), README.md's table is made from it,
 * and tests change each setting. A new key of the schema without an entry here does not compile.
 */
import type * as z from 'zod';
import type { configShape } from '../schema/schema.js';

/** Keys as in README.md's reference: `source.tables[].where`, `mapping.NAME.items[].ttl.column`. */
type Leaves<T, P extends string = ''> = T extends readonly (infer E)[]
  ? E extends object
    ? Leaves<E, `${P}[]`>
    : P
  : T extends object
    ? string extends keyof T
      ? Leaves<T[string], `${P}.NAME`>
      : { [K in keyof T & string]: Leaves<NonNullable<T[K]>, P extends '' ? K : `${P}.${K}`> }[keyof T & string]
    : P;

/** Whether it is there is a setting by itself, besides what stands in it. */
type Presence = 'source.tables[].wholeTable';

/** `source.table` is `source.tables` with one entry. */
export type SettingPath = Exclude<Leaves<z.input<typeof configShape>>, `source.table.${string}`> | Presence;

/** May change whenever nothing runs. */
interface Free {
  readonly change: 'free';
  readonly note: string;
}

/** It says where the state is: with another one, nothing is known of what was moved. */
interface Elsewhere {
  readonly change: 'elsewhere';
  readonly note: string;
}

/**
 * A change is refused with E_STATE_CHANGED until `--restart`. `longer`: but a longer time is taken up, and bound from
 * then on.
 */
interface Bound {
  readonly change: 'restart' | 'longer';
  /** Its entry in the fingerprint (`fingerprint.ts`); NAME: any name. */
  readonly entry: string;
  /** The shards of one migration have to agree in it: what one has moved is judged by it when another is. */
  readonly alike: boolean;
  /** States of versions that did not bind it lack it: that says nothing, and it is bound from the next run on. */
  readonly sinceLater: boolean;
  readonly note: string;
}

/** Refused, unless the flag allows it. */
interface Flagged {
  readonly change: 'flag';
  readonly flag: '--accept-server' | '--retry-bad';
  /** null: the server itself is recorded, whatever names it. */
  readonly entry: string | null;
  readonly note: string;
}

export type SettingChange = Free | Elsewhere | Bound | Flagged;

const free = (note: string): Free => ({ change: 'free', note });
const elsewhere = (note: string): Elsewhere => ({ change: 'elsewhere', note });
const own = (entry: string, note: string): Bound => ({
  ...{ change: 'restart', entry, alike: false, sinceLater: false, note },
});
const alike = (entry: string, note: string): Bound => ({ ...own(entry, note), alike: true });
const alikeSinceLater = (entry: string, note: string): Bound => ({ ...alike(entry, note), sinceLater: true });
const server = (note: string): Flagged => ({ change: 'flag', flag: '--accept-server', entry: null, note });
const retry = (entry: string, note: string): Flagged => ({ change: 'flag', flag: '--retry-bad', entry, note });

const ITEM = 'tables.NAME.items.NAME';
const ACCESS = 'only how the server is reached';
const PACE = 'only the pace';
const CREATED = 'only `--create-table` reads it';
const KEYS = 'items of a row would have other keys, and the former ones would stay';
const TTL = 'items that were written have the former expiry';
const ATTRIBUTES = 'items that were written have the former attributes; allowed for columns with bad rows';

export const SETTING_CHANGES: Readonly<Record<SettingPath, SettingChange>> = {
  state: elsewhere('nothing moves along: move the folder itself, with all that is in it; a copy has to be adopted'),

  stateMoves: free('only whether a state that was last worked on on another host has to be adopted'),

  'source.shards[].id': elsewhere('another name is another shard, of which nothing is known'),
  'source.shards[].host': server(
    'goes on by itself where GTIDs show that the server has the same data; else `E_SOURCE_CHANGED`',
  ),
  'source.shards[].port': server('as `host`'),
  'source.shards[].user': free(ACCESS),
  'source.shards[].password': free(ACCESS),
  'source.shards[].database': own('tables.NAME.database', 'other rows'),
  'source.shards[].tls.mode': free(ACCESS),
  'source.shards[].tls.ca': free(ACCESS),
  'source.shards[].tls.profile': free(ACCESS),
  'source.shards[].replicas[].host': free('only which lag is watched'),
  'source.shards[].replicas[].port': free('only which lag is watched'),
  'source.tables[].name': alike('tables.NAME', 'what was moved would be incomplete, or lack its table'),
  'source.tables[].where': own('tables.NAME.where', 'other rows'),
  'source.tables[].scanKey': own('tables.NAME.scanKey', 'checkpoints are keys of that index'),
  'source.tables[].wholeTable': own('tables.NAME.wholeTable', 'checkpoints are of another kind'),
  'source.tables[].wholeTable.maxRows': free('only a limit'),
  'source.tables[].wholeTable.maxBytes': free('only a limit'),
  'source.tables[].shardedBy': alikeSinceLater(
    'declared.NAME.shardedBy',
    'values of another column are recorded: an account on two shards would be overwritten unseen',
  ),
  'source.tables[].globallyUnique': alikeSinceLater(
    'declared.NAME.globallyUnique',
    'that item keys are unique may have been concluded from it',
  ),
  'verify.maxAge': free('only how old comparisons may be that a resumed verification still counts'),

  'source.limits.scansPerServer': free(PACE),
  'source.limits.rangesPerTable': free('a table that was cut into ranges keeps them'),
  'source.limits.chunkMs': free(PACE),
  'source.limits.chunkRows': free(PACE),
  'source.limits.chunkBytes': free(PACE),
  'source.limits.maxReplicaLagSeconds': free(PACE),
  'source.limits.maxThreadsRunning': free(PACE),
  'source.limits.statementIdleTimeoutSeconds': free(PACE),
  'source.limits.retryTimeoutSeconds': free(PACE),
  'source.limits.maxPauseSeconds': free(PACE),

  'target.table': alike('target.table', 'another table lacks what was moved; so does one of the same name made later'),
  'target.region': own('target.region', 'as `table`; AWS_REGION, where it is not given, may change to the same table'),
  'target.endpoint': own('target.endpoint', 'as `table`'),
  'target.writeCapacity': free(PACE),
  'target.readCapacity': free(PACE),
  'target.maxInFlightRequests': free(PACE),
  'target.retryTimeoutSeconds': free(PACE),
  'target.liveWriter': alikeSinceLater(
    'writer.liveWriter',
    'none after concurrent overwrites newer items, also with `--restart`; concurrent after none leaves stale what the application changed behind the cursor before',
  ),
  'target.version.attribute': alikeSinceLater(
    'writer.versionAttribute',
    'versions of items that were written do not compare',
  ),
  'target.version.tombstoneRetention': {
    ...own(
      'writer.tombstoneRetentionSeconds',
      'deleted items may have come back while rows were written for as long as the longer time allowed',
    ),
    change: 'longer',
    sinceLater: true,
  },
  'target.create.billing': free(CREATED),
  'target.create.indexes[].name': free(CREATED),
  'target.create.indexes[].partitionKey.name': free(CREATED),
  'target.create.indexes[].partitionKey.type': free(CREATED),
  'target.create.indexes[].sortKey.name': free(CREATED),
  'target.create.indexes[].sortKey.type': free(CREATED),
  'target.create.indexes[].projection': free(CREATED),

  'mapping.NAME.items[].name': alike(ITEM, 'items are told apart by it'),
  'mapping.NAME.items[].partitionKey.name': alike(`${ITEM}.partitionKey.name`, KEYS),
  'mapping.NAME.items[].partitionKey.type': alike(`${ITEM}.partitionKey.type`, KEYS),
  'mapping.NAME.items[].partitionKey.template': alike(`${ITEM}.partitionKey.template`, KEYS),
  'mapping.NAME.items[].partitionKey.spread.by': alike(`${ITEM}.partitionKey.spread.by`, KEYS),
  'mapping.NAME.items[].partitionKey.spread.shards': alike(`${ITEM}.partitionKey.spread.shards`, KEYS),
  'mapping.NAME.items[].partitionKey.spread.account': alike(`${ITEM}.partitionKey.spread.account`, KEYS),
  'mapping.NAME.items[].partitionKey.spread.overrides.NAME': alike(`${ITEM}.partitionKey.spread.overrides.NAME`, KEYS),
  'mapping.NAME.items[].sortKey.name': alike(`${ITEM}.sortKey.name`, KEYS),
  'mapping.NAME.items[].sortKey.type': alike(`${ITEM}.sortKey.type`, KEYS),
  'mapping.NAME.items[].sortKey.template': alike(`${ITEM}.sortKey.template`, KEYS),
  'mapping.NAME.items[].attributes.columns': retry(`${ITEM}.attributes.columns`, ATTRIBUTES),
  'mapping.NAME.items[].attributes.drop': retry(`${ITEM}.attributes.drop`, ATTRIBUTES),
  'mapping.NAME.items[].attributes.rules.NAME.name': retry(`${ITEM}.attributes.rules.NAME.name`, ATTRIBUTES),
  'mapping.NAME.items[].attributes.rules.NAME.type': retry(`${ITEM}.attributes.rules.NAME.type`, ATTRIBUTES),
  'mapping.NAME.items[].attributes.rules.NAME.format': retry(`${ITEM}.attributes.rules.NAME.format`, ATTRIBUTES),
  'mapping.NAME.items[].attributes.rules.NAME.null': retry(`${ITEM}.attributes.rules.NAME.null`, ATTRIBUTES),
  'mapping.NAME.items[].attributes.add.NAME.template': retry(`${ITEM}.attributes.add.NAME.template`, ATTRIBUTES),
  'mapping.NAME.items[].attributes.add.NAME.constant': own(
    `${ITEM}.attributes.add.NAME.value`,
    'as `rules`; no retry allows it',
  ),
  'mapping.NAME.items[].ttl.attribute': own(`${ITEM}.ttl.attribute`, TTL),
  'mapping.NAME.items[].ttl.column': own(`${ITEM}.ttl.column`, TTL),
  'mapping.NAME.items[].ttl.retention': own(`${ITEM}.ttl.retentionSeconds`, TTL),
  'mapping.NAME.items[].ttl.expired': own(`${ITEM}.ttl.expired`, 'rows that were skipped are not written any more'),
};
