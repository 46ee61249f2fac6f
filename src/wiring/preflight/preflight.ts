/**
 * The preflight looks at config, sources, mappings, state folder and target, and returns all findings at once. A fault
 * of one does not keep it from looking at the others. It says of each finding whether one shard is at fault, which a
 * run then leaves out, or the run as a whole.
 */
import type { Config } from '../../config/model.js';
import type { TableInfo } from '../../core/model.js';
import { asFerryError } from '../../core/thrown.js';
import type { CompiledMapping } from '../../mapping/compile.js';
import { inspectShard, type ShardFacts } from '../../mysql/inspect/inspect-shard.js';
import { recordedShards } from '../../state/status/read-binding.js';
import { isBegun } from '../../state/status/read-bad-rows.js';
import { bindingFindings } from '../own-binding.js';
import { compileTable, findShard } from '../run/shard-session.js';
import { lookAtKeys } from './key-findings.js';
import { machineFindings } from './machine-limits.js';
import {
  distinct,
  errorsOf,
  NOTHING_FOUND,
  ofRun,
  ofShard,
  shardsAtFault,
  type OwnedFinding,
  type Part,
} from './owned-finding.js';
import { placesOf, type Places } from '../look/places.js';
import type { RegisterUse } from './register-room.js';
import { agreementFindings } from './shard-agreement.js';
import { besides } from '../look/side-by-side.js';
import { sampleOverlaps, type SampledShard } from './shard-overlap.js';
import { lookAtHomes, lookAtRoom } from './state-findings.js';
import type { FirstWrite } from './target-content.js';
import { lookAtTarget, type TargetPart } from './target-look.js';

export interface PreflightOptions {
  /** A missing target table is not a fault: the run creates it when everything else is in order. */
  readonly createTable: boolean;
  /** Looks at the target. A dry run of a backfill does not need one. */
  readonly target: boolean;
  /** Shards that start again with this run; null: the run writes nothing. */
  readonly restarting: readonly string[] | null;
  /** The run may write to the table for the first time; null: it does not, or asks no target. */
  readonly firstWrite: FirstWrite | null;
  /**
   * Looks at each shard's own state as its run would: whether it can be opened, and whether config and server are as
   * at its start. A run does that by itself, shard by shard. With this, no shard is left out, since nothing runs.
   */
  readonly bindings: boolean;
  /** Shards that will run at once. */
  readonly jobs: number;
}

export interface PreflightReport extends Part {
  /** The shards that a run starts with. It leaves out those with an error of their own, unless all have one. */
  readonly going: readonly string[];
  readonly shards: readonly { readonly shard: string; readonly facts: ShardFacts | null }[];
  readonly places: Places;
}

/** @throws FerryError only E_INTERRUPTED; everything else that is wrong is a finding */
export async function preflight(
  config: Config,
  shardIds: readonly string[],
  options: PreflightOptions,
  signal: AbortSignal,
): Promise<PreflightReport> {
  const beside = besides(config);
  const [shards, target] = await Promise.all([
    Promise.all(shardIds.map((id) => beside(id, () => lookAtShard(config, id, signal)))),
    options.target ? lookAtTarget(config, shardIds, options, signal) : NO_TARGET_ASKED,
  ]);
  const overlaps = await sampleOverlaps(config, shards, signal);
  // A dry run keeps a state of its own, which does not stay long enough to be copied.
  const homes = options.target ? lookAtHomes(config, shardIds, options.bindings) : NOTHING_FOUND;
  const own = [...shards, overlaps, homes].flatMap(({ findings }) => findings);
  const { going, restarting, heldBack } = whoGoes(shardIds, own, options);
  const keys = lookAtKeys(config, shards, going, restarting);
  const agreement = lookAtOthers(config, going, target, restarting);
  const bindings = options.bindings ? lookAtBindings(config, shards, own, target) : NOTHING_FOUND;
  const machine = { ...NOTHING_FOUND, findings: ofRun(machineFindings(config, options.jobs)) };
  const room = lookAtRoom(config, registerUse(options), going, keys.registerBytes);
  const together = [keys, agreement].map((part) => ({ ...part, findings: explained(part.findings, heldBack) }));
  const parts = [...shards, ...together, bindings, overlaps, target, room, homes, machine];
  return {
    findings: distinct(parts.flatMap((part) => part.findings)),
    seen: parts.flatMap((part) => part.seen),
    unseen: parts.flatMap((part) => part.unseen),
    going,
    shards: shards.map(({ shard, facts }) => ({ shard, facts })),
    places: placesOf(config, shardIds, target.place, serversOf(shards)),
  };
}

const NO_TARGET_ASKED: TargetPart = { ...NOTHING_FOUND, identity: null, place: null };

function serversOf(shards: readonly ShardPart[]): ReadonlyMap<string, string> {
  return new Map(
    shards.flatMap(({ shard, facts }) => (facts === null ? [] : [[shard, `${facts.family} ${facts.version}`]])),
  );
}

interface Going {
  readonly going: readonly string[];
  /** The shards that start again with this run; null: the run writes nothing. */
  readonly restarting: ReadonlySet<string> | null;
  /** The shards that were to start again, and are left out. They stay bound to what they started with. */
  readonly heldBack: readonly string[];
}

/**
 * Decides which shards a run starts with. What keeps shards from overwriting each other is then judged for a run of
 * exactly these, as if the operator had named them.
 */
function whoGoes(shardIds: readonly string[], own: readonly OwnedFinding[], options: PreflightOptions): Going {
  const faulty = shardsAtFault(own);
  const sound = shardIds.filter((id) => !faulty.has(id));
  const going = options.bindings || sound.length === 0 ? shardIds : sound;
  const asked = options.restarting ?? [];
  const heldBack = asked.filter((id) => shardIds.includes(id) && !going.includes(id));
  const restarting = options.restarting === null ? null : new Set(asked.filter((id) => !heldBack.includes(id)));
  return { going, restarting, heldBack };
}

/** A fault may follow from a shard that was to start again, and cannot: then that comes first. */
function explained(findings: readonly OwnedFinding[], heldBack: readonly string[]): readonly OwnedFinding[] {
  if (heldBack.length === 0) return findings;
  const these = `${heldBack.length === 1 ? 'shard' : 'shards'} ${heldBack.join(', ')}`;
  const first = `this run cannot start ${these} again, as listed: correct that first, and run the same command again; or`;
  return findings.map((finding) =>
    finding.level === 'error' ? { ...finding, hint: `${first} ${finding.hint}` } : finding,
  );
}

interface ShardPart extends Part, SampledShard {
  readonly facts: ShardFacts | null;
}

async function lookAtShard(config: Config, id: string, signal: AbortSignal): Promise<ShardPart> {
  const inspection = await inspectShard(findShard(config, id), config.source.limits, config.source.tables, signal);
  const findings = inspection.faults.map((fault) => ofShard(id, fault));
  const seen: string[] = [];
  const unseen: string[] = [];
  const { facts, tables, indexes } = inspection;
  const why = codesOf(findings);
  if (facts !== null) {
    const { family, version, cipher, binlogFormat } = facts;
    seen.push(
      `${id}: ${family} ${version}, ${cipher === null ? 'plain text' : `TLS ${cipher}`}, binary log ${binlogFormat ?? 'off'}`,
    );
  } else unseen.push(`${id}: its server: not looked at: ${why}`);
  const mappings: CompiledMapping[] = [];
  for (const { name } of config.source.tables) {
    const table = tables.get(name);
    if (table === undefined) {
      unseen.push(`${id}: the mapping of table ${name}: not looked at: ${why}`);
      continue;
    }
    const mapping = compiled(config, id, table, findings);
    if (mapping === null) continue;
    mappings.push(mapping);
    seen.push(
      `${id}: table ${table.name}, ${table.columns.length} columns, mapped to ${mapping.keys.length === 1 ? 'one item' : `${mapping.keys.length} items`} a row`,
    );
  }
  return { shard: id, facts, tables, indexes, mappings, findings, seen, unseen };
}

/** Returns the codes of the errors, as the reason why something was not looked at. */
function codesOf(findings: readonly OwnedFinding[]): string {
  const errors = findings.filter(({ level }) => level === 'error');
  return [...new Set(errors.map(({ code }) => code))].join(', ');
}

function compiled(config: Config, shard: string, table: TableInfo, findings: OwnedFinding[]): CompiledMapping | null {
  try {
    // The preflight maps no row, so it needs no local indexes.
    return compileTable(config, table, []);
  } catch (thrown) {
    const errors = errorsOf(asFerryError(thrown, `compiling the mapping of table ${table.name}`));
    findings.push(...errors.map((error) => ofShard(shard, error)));
    return null;
  }
}

/** Compares shards that were moved before with these. A target that could not be looked at has its own finding. */
function lookAtOthers(
  config: Config,
  shardIds: readonly string[],
  { identity }: TargetPart,
  restarting: ReadonlySet<string> | null,
): Part {
  if (restarting === null) return NOTHING_FOUND;
  try {
    if (identity === undefined) {
      const line = 'the settings of the shards beside each other: not looked at: the target was not looked at';
      return { ...NOTHING_FOUND, unseen: recordedShards(config.state).length === 0 ? [] : [line] };
    }
    return { ...NOTHING_FOUND, findings: ofRun(agreementFindings(config, shardIds, identity, restarting)) };
  } catch (thrown) {
    const findings = ofRun(errorsOf(asFerryError(thrown, 'comparing the states of the shards')));
    return { ...NOTHING_FOUND, findings };
  }
}

/**
 * Compares the config with the states of shards that the preflight could look at as a whole. Every other shard has its
 * own finding, and is not compared.
 */
function lookAtBindings(
  config: Config,
  shards: readonly ShardPart[],
  own: readonly OwnedFinding[],
  { identity }: TargetPart,
): Part {
  const begun = shards.filter(({ shard }) => isBegun({ folder: config.state, shard }));
  const isWhole = ({ mappings }: ShardPart): boolean => mappings.length === config.source.tables.length;
  const unseen = begun.flatMap((part) => {
    const ownCodes = codesOf(own.filter(({ shards: owners }) => owners?.includes(part.shard) ?? false));
    const noTarget = identity === null ? 'the target table does not exist' : 'the target was not looked at';
    const why = isWhole(part) ? (identity == null ? noTarget : null) : ownCodes;
    return why === null ? [] : [`${part.shard}: the settings that it started with: not looked at: ${why}`];
  });
  if (identity === undefined || identity === null) return { ...NOTHING_FOUND, unseen };
  const looked = shards.filter(isWhole).map(({ shard, mappings }) => ({
    shard,
    tables: mappings.map(({ table }) => table),
    keys: mappings.flatMap(({ keys }) => keys),
  }));
  try {
    return { findings: bindingFindings(config, looked, identity), seen: [], unseen };
  } catch (thrown) {
    const findings = ofRun(errorsOf(asFerryError(thrown, 'comparing the config with the states of the shards')));
    return { findings, seen: [], unseen };
  }
}

function registerUse({ target, restarting }: PreflightOptions): RegisterUse {
  if (!target) return 'anew';
  return restarting === null ? 'none' : 'more';
}
