/**
 * Lists what a change of each setting means during a migration: between two runs of one shard, and between two shards.
 * It is the only such list: it decides what a fingerprint binds (`binding-rules.ts`), README.md's table comes from it,
 * and tests change each setting. A new key of the schema without an entry here does not compile.
 */
import type * as z from 'zod';
import type { configShape } from '../schema/schema.js';

/** The keys as README.md's reference writes them: `source.tables[].where`, `mapping.NAME.items[].ttl.column`. */
type Leaves<T, P extends string = ''> = T extends readonly (infer E)[]
  ? E extends object
    ? Leaves<E, `${P}[]`>
    : P
  : T extends object
    ? string extends keyof T
      ? Leaves<T[string], `${P}.NAME`>
      : { [K in keyof T & string]: Leaves<NonNullable<T[K]>, P extends '' ? K : `${P}.${K}`> }[keyof T & string]
    : P;

/** The presence of such a part is a setting of its own, besides the settings in it. */
type Presence = 'source.tables[].wholeTable';

/** `source.table` is `source.tables` with one entry. */
export type SettingPath = Exclude<Leaves<z.input<typeof configShape>>, `source.table.${string}`> | Presence;

/** The setting may change while nothing runs. */
interface Free {
  readonly change: 'free';
  readonly note: string;
}

/** The setting says where the state is: with another value, the run has no record of what was moved. */
interface Elsewhere {
  readonly change: 'elsewhere';
  readonly note: string;
}

/**
 * dynaferry refuses a change with E_STATE_CHANGED until `--restart`. `longer`: it accepts a longer time, and binds the
 * state to that.
 */
interface Bound {
  readonly change: 'restart' | 'longer';
  /** The dotted path in the fingerprint (`fingerprint.ts`); NAME stands for any name. */
  readonly entry: string;
  /** True: all shards of one migration must have the same value. */
  readonly alike: boolean;
  /** True: states of earlier versions may lack the entry. The next run adds it without a comparison. */
  readonly sinceLater: boolean;
  readonly note: string;
}

/** dynaferry refuses a change unless the flag allows it. */
interface Flagged {
  readonly change: 'flag';
  readonly flag: '--accept-server' | '--retry-bad';
  /** null: the state records the server itself, not its name. */
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
const ACCESS = 'changes only the connection';
const PACE = 'changes only the speed';
const CREATED = 'only `--create-table` uses it';
const KEYS = 'items would get other keys, and the old items would stay';
const TTL = 'items already written keep the old expiry';
const ATTRIBUTES = 'items already written keep the old attributes; allowed for columns with bad rows';

export const SETTING_CHANGES: Readonly<Record<SettingPath, SettingChange>> = {
  state: elsewhere(
    'dynaferry does not move the files: move the whole folder yourself; adopt a copy with `dynaferry state adopt`',
  ),

  stateMoves: free('changes only whether you must adopt a state that last ran on another host'),

  'source.shards[].id': elsewhere('another id is another shard, of which the state has no record'),
  'source.shards[].host': server(
    'dynaferry continues where GTIDs show that the server has the same data; else `E_SOURCE_CHANGED`',
  ),
  'source.shards[].port': server('as `host`'),
  'source.shards[].user': free(ACCESS),
  'source.shards[].password': free(ACCESS),
  'source.shards[].database': own('tables.NAME.database', 'selects other rows'),
  'source.shards[].tls.mode': free(ACCESS),
  'source.shards[].tls.ca': free(ACCESS),
  'source.shards[].tls.profile': free(ACCESS),
  'source.shards[].replicas[].host': free('changes only whose lag dynaferry watches'),
  'source.shards[].replicas[].port': free('changes only whose lag dynaferry watches'),
  'source.tables[].name': alike('tables.NAME', 'the copy would be incomplete, or its items would lack their table'),
  'source.tables[].where': own('tables.NAME.where', 'selects other rows'),
  'source.tables[].scanKey': own('tables.NAME.scanKey', 'checkpoints are keys of the index'),
  'source.tables[].wholeTable': own('tables.NAME.wholeTable', 'checkpoints have another form'),
  'source.tables[].wholeTable.maxRows': free('changes only a limit'),
  'source.tables[].wholeTable.maxBytes': free('changes only a limit'),
  'source.tables[].shardedBy': alikeSinceLater(
    'declared.NAME.shardedBy',
    'the state holds values of the old column: an account on two shards would be overwritten without notice',
  ),
  'source.tables[].globallyUnique': alikeSinceLater(
    'declared.NAME.globallyUnique',
    'dynaferry may have concluded from it that item keys are unique',
  ),
  'verify.maxAge': free('changes only which comparisons a resumed verification keeps'),

  'source.limits.scansPerServer': free(PACE),
  'source.limits.rangesPerTable': free('a table keeps the ranges that it was cut into'),
  'source.limits.chunkMs': free(PACE),
  'source.limits.chunkRows': free(PACE),
  'source.limits.chunkBytes': free(PACE),
  'source.limits.maxReplicaLagSeconds': free(PACE),
  'source.limits.maxThreadsRunning': free(PACE),
  'source.limits.statementIdleTimeoutSeconds': free(PACE),
  'source.limits.retryTimeoutSeconds': free(PACE),
  'source.limits.maxPauseSeconds': free(PACE),

  'target.table': alike(
    'target.table',
    'another table lacks the items already written; so does a newer table of the same name',
  ),
  'target.region': own('target.region', 'as `table`; without it, AWS_REGION may change if it leads to the same table'),
  'target.endpoint': own('target.endpoint', 'as `table`'),
  'target.writeCapacity': free(PACE),
  'target.readCapacity': free(PACE),
  'target.maxInFlightRequests': free(PACE),
  'target.retryTimeoutSeconds': free(PACE),
  'target.liveWriter': alikeSinceLater(
    'writer.liveWriter',
    'from concurrent to none, batches overwrite newer items, also with `--restart`. From none to concurrent, items that the application changed after the scan passed them stay outdated',
  ),
  'target.version.attribute': alikeSinceLater(
    'writer.versionAttribute',
    'versions of items already written cannot be compared',
  ),
  'target.version.tombstoneRetention': {
    ...own(
      'writer.tombstoneRetentionSeconds',
      'while the time was longer, dynaferry may have written rows so old that deleted items came back',
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

  'mapping.NAME.items[].name': alike(ITEM, 'the name identifies the item'),
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
  'mapping.NAME.items[].ttl.expired': own(`${ITEM}.ttl.expired`, 'rows already skipped stay unwritten'),
};
