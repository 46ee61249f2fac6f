/**
 * The preflight looks at config, sources, mappings, state folder and target, and returns all findings at once. A fault
 * of one does not keep it from looking at the others.
 */
import type { Config } from '../../config/model.js';
import type { FerryError, Finding } from '../../core/errors.js';
import type { TableInfo } from '../../core/model.js';
import { asFerryError } from '../../core/thrown.js';
import { targetFaults } from '../../dynamodb/table/table-findings.js';
import type { CompiledMapping } from '../../mapping/compile.js';
import { inspectShard, type ShardFacts } from '../../mysql/inspect/inspect-shard.js';
import { readCopied } from '../../state/status/read-home.js';
import { stateSpace } from '../../state/sqlite/space.js';
import { guardFindings, guardOf, judgeKeys, valueFindings, type KeyGuard } from '../run/key-guard.js';
import { machineFindings } from './machine-limits.js';
import { bindingFindings } from '../own-binding.js';
import { registerFindings } from '../run/register-claims.js';
import { agreementFindings } from './shard-agreement.js';
import { registerRoom, type RegisterUse } from './register-room.js';
import { besides } from './side-by-side.js';
import { sampleOverlaps, type SampledShard } from './shard-overlap.js';
import { compileTable, findShard } from '../run/shard-session.js';
import { expectationOf, targetFacts } from '../target-facts.js';

export interface PreflightOptions {
  /** A missing target table is not a fault: the run creates it when everything else is in order. */
  readonly createTable: boolean;
  /** Looks at the target. A dry run of a backfill does not need one. */
  readonly target: boolean;
  /** Shards that start again with this run; null: the run writes nothing. */
  readonly restarting: readonly string[] | null;
  /** Compares the config with what each shard's own state is bound to. A run does that by itself, shard by shard. */
  readonly bindings: boolean;
  /** Shards that will run at once. */
  readonly jobs: number;
}

export interface PreflightReport {
  readonly findings: readonly Finding[];
  /** Lines on what is in order. */
  readonly seen: readonly string[];
  readonly shards: readonly { readonly shard: string; readonly facts: ShardFacts | null }[];
}

/** With fewer free bytes in the state folder, no run starts. */
const SPACE_ERROR_BYTES = 64 * 2 ** 20;
/** With fewer free bytes in the state folder, the preflight warns. */
const SPACE_WARNING_BYTES = 2 ** 30;

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
    options.target ? lookAtTarget(config, options, signal) : { findings: [], seen: [], identity: null },
  ]);
  const keys = lookAtKeys(config, shards, options);
  const overlaps = await sampleOverlaps(config, shards, signal);
  const agreement = lookAtOthers(config, shardIds, target, options);
  const bindings = options.bindings ? lookAtBindings(config, shards, target) : { findings: [], seen: [] };
  const machine = { findings: machineFindings(config, options.jobs), seen: [] };
  const state = lookAtState(config, registerUse(options), shardIds, keys.registerBytes);
  const homes = lookAtHomes(config, shardIds, options);
  const parts = [...shards, keys, agreement, bindings, overlaps, target, state, ...homes, machine];
  return {
    findings: distinct(parts.flatMap((part) => part.findings)),
    seen: parts.flatMap((part) => part.seen),
    shards: shards.map(({ shard, facts }) => ({ shard, facts })),
  };
}

interface Part {
  readonly findings: readonly Finding[];
  readonly seen: readonly string[];
}

interface ShardPart extends Part, SampledShard {
  readonly facts: ShardFacts | null;
}

async function lookAtShard(config: Config, id: string, signal: AbortSignal): Promise<ShardPart> {
  const inspection = await inspectShard(findShard(config, id), config.source.limits, config.source.tables, signal);
  const findings = [...inspection.faults];
  const seen: string[] = [];
  if (inspection.facts !== null) {
    const { family, version, cipher, binlogFormat } = inspection.facts;
    seen.push(
      `${id}: ${family} ${version}, ${cipher === null ? 'plain text' : `TLS ${cipher}`}, binary log ${binlogFormat ?? 'off'}`,
    );
  }
  const mappings: CompiledMapping[] = [];
  for (const table of inspection.tables.values()) {
    const mapping = compiled(config, table, findings);
    if (mapping === null) continue;
    mappings.push(mapping);
    seen.push(
      `${id}: table ${table.name}, ${table.columns.length} columns, mapped to ${mapping.keys.length === 1 ? 'one item' : `${mapping.keys.length} items`} a row`,
    );
  }
  const { facts, tables, indexes } = inspection;
  return { shard: id, facts, tables, indexes, mappings, findings, seen };
}

function compiled(config: Config, table: TableInfo, findings: Finding[]): CompiledMapping | null {
  try {
    // The preflight maps no row, so it needs no local indexes.
    return compileTable(config, table, []);
  } catch (thrown) {
    findings.push(...errorsOf(asFerryError(thrown, `compiling the mapping of table ${table.name}`)));
    return null;
  }
}

/** Finds whether rows can share an item key, on one shard or on two, and what a run would do about it. */
function lookAtKeys(
  config: Config,
  shards: readonly ShardPart[],
  options: PreflightOptions,
): Part & { readonly registerBytes: number } {
  const findings: Finding[] = [];
  const guards = new Set<KeyGuard>();
  let registerBytes = 0;
  for (const { mappings } of shards) {
    if (mappings.length === 0) continue;
    const keys = mappings.flatMap((mapping) => mapping.keys);
    const judged = judgeKeys(config, keys);
    if (judged.verdict === 'possible') {
      findings.push({
        level: 'error',
        code: 'E_ITEM_KEY_NOT_UNIQUE',
        message: `two rows could share an item key, and one would overwrite the other: ${judged.reason}`,
        hint: judged.remedy,
      });
    } else if (judged.verdict === 'unproven') {
      registerBytes = estimatedRegister(shards);
      findings.push({
        level: 'warning',
        code: 'E_ITEM_KEY_NOT_UNIQUE',
        message: `dynaferry cannot prove that item keys are unique: ${judged.reason}`,
        hint: `they may still be unique: a run stops before a second row overwrites a first. For that, it records every item key in item-keys.db (some ${REGISTERED_KEY_BYTES} bytes each, about ${mebibytes(registerBytes)} for these shards). To avoid that: ${judged.remedy}`,
      });
    }
    guards.add(guardOf(config, keys));
  }
  if (options.restarting !== null) {
    // Shards have the same tables, so usually there is one guard. Each guard is compared with the state of every shard.
    const restarting = new Set(options.restarting);
    for (const guard of guards) findings.push(...guardFindings(config, guard, restarting));
    findings.push(...lookAtRegister(config, restarting));
    if (guards.has('shard-values')) findings.push(...valueFindings(config, shards, restarting));
  }
  return { findings, seen: [], registerBytes };
}

function lookAtRegister(config: Config, restarting: ReadonlySet<string>): readonly Finding[] {
  try {
    return registerFindings(config, restarting);
  } catch (thrown) {
    return errorsOf(asFerryError(thrown, 'looking at the register of item keys'));
  }
}

/** Approximate bytes of an entry of item-keys.db. */
const REGISTERED_KEY_BYTES = 100;

/** Estimates the bytes of the register, by the servers' own estimates of their rows. */
function estimatedRegister(shards: readonly ShardPart[]): number {
  const keys = shards
    .flatMap(({ mappings }) => mappings)
    .reduce((sum, { table, keys: rules }) => sum + table.estimatedRows * rules.length, 0);
  return keys * REGISTERED_KEY_BYTES;
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

/** Compares shards that were moved before with these. A target that could not be looked at has its own finding. */
function lookAtOthers(
  config: Config,
  shardIds: readonly string[],
  { identity }: TargetPart,
  { restarting }: PreflightOptions,
): Part {
  if (restarting === null || identity === undefined) return { findings: [], seen: [] };
  try {
    return { findings: agreementFindings(config, shardIds, identity, new Set(restarting)), seen: [] };
  } catch (thrown) {
    return { findings: errorsOf(asFerryError(thrown, 'comparing the states of the shards')), seen: [] };
  }
}

/**
 * Compares the config with the states of shards that the preflight could look at as a whole. Every other shard has its
 * own finding, and is not compared.
 */
function lookAtBindings(config: Config, shards: readonly ShardPart[], { identity }: TargetPart): Part {
  if (identity === undefined || identity === null) return { findings: [], seen: [] };
  const whole = shards.filter(({ mappings }) => mappings.length === config.source.tables.length);
  try {
    const looked = whole.map(({ shard, mappings }) => ({
      shard,
      tables: mappings.map(({ table }) => table),
      keys: mappings.flatMap(({ keys }) => keys),
    }));
    const findings = bindingFindings(config, looked, identity);
    return { findings, seen: [] };
  } catch (thrown) {
    return { findings: errorsOf(asFerryError(thrown, 'comparing the config with the states of the shards')), seen: [] };
  }
}

interface TargetPart extends Part {
  /** null: the table does not exist; undefined: the preflight could not find out. */
  readonly identity: string | null | undefined;
}

async function lookAtTarget(config: Config, options: PreflightOptions, signal: AbortSignal): Promise<TargetPart> {
  try {
    const facts = await targetFacts(config, false, signal);
    const seen: string[] =
      facts === null
        ? []
        : [`target: table ${facts.name}, ${facts.status}, ${facts.billing}, ${facts.indexes.length} indexes`];
    const { version } = config.target;
    if (version !== null) seen.push(`target: a live writer, items compared by ${version.attribute}`);
    const findings = targetFaults(facts, expectationOf(config));
    return {
      findings: options.createTable
        ? findings.filter((finding) => finding.code !== 'E_TARGET_TABLE_MISSING')
        : findings,
      seen,
      identity: facts?.identity ?? null,
    };
  } catch (thrown) {
    const error = asFerryError(thrown, `looking at table ${config.target.table}`);
    if (error.code === 'E_INTERRUPTED') throw error;
    return { findings: errorsOf(error), seen: [], identity: undefined };
  }
}

function registerUse({ target, restarting }: PreflightOptions): RegisterUse {
  if (!target) return 'anew';
  return restarting === null ? 'none' : 'more';
}

function lookAtState(config: Config, use: RegisterUse, shardIds: readonly string[], estimatedBytes: number): Part {
  try {
    // This comes first: it finds a path that is not a folder.
    const { freeBytes } = stateSpace(config.state);
    const registerBytes = registerRoom(estimatedBytes, config.state, shardIds, use);
    const free = `${Math.floor(freeBytes / 2 ** 20)} MiB free`;
    if (registerBytes > freeBytes) {
      const hint = 'prove that item keys are unique (see the warning), or set `state` to a folder on a larger disk';
      const message = `the state folder ${config.state} has ${free}, and the record of every item key would take about ${mebibytes(registerBytes)}${use === 'more' ? ' more' : ''}`;
      return { findings: [{ level: 'error', code: 'E_STATE_SPACE', message, hint }], seen: [] };
    }
    if (freeBytes >= SPACE_WARNING_BYTES) return { findings: [], seen: [`state: ${config.state}, ${free}`] };
    const level = freeBytes < SPACE_ERROR_BYTES ? 'error' : 'warning';
    const least = level === 'error' ? `, and no run starts with less than ${mebibytes(SPACE_ERROR_BYTES)}` : '';
    return {
      findings: [
        {
          level,
          code: 'E_STATE_SPACE',
          message: `the state folder ${config.state} has ${free}${least}`,
          hint: 'make room, or set `state` to a folder on a larger disk: a shard takes some 200 bytes a chunk',
        },
      ],
      seen: [],
    };
  } catch (thrown) {
    return { findings: errorsOf(asFerryError(thrown, 'looking at the state folder')), seen: [] };
  }
}

/** Looks for copied states. A dry run keeps a state of its own, which does not stay long enough to be copied. */
function lookAtHomes(config: Config, shardIds: readonly string[], { target }: PreflightOptions): readonly Part[] {
  if (!target) return [];
  return shardIds.flatMap((shard) => {
    const fault = readCopied({ folder: config.state, shard }, config.stateMoves);
    return fault === null ? [] : [{ findings: [{ ...fault, level: 'error' as const }], seen: [] }];
  });
}

function errorsOf(error: FerryError): readonly Finding[] {
  const faults = error.faults.length > 0 ? error.faults : [error.toFault()];
  return faults.map((fault) => ({ ...fault, level: 'error' as const }));
}

/** Keeps each finding once: a fault of the mapping shows on every shard. */
function distinct(findings: readonly Finding[]): readonly Finding[] {
  return [...new Map(findings.map((finding) => [`${finding.code}:${finding.message}`, finding])).values()];
}
