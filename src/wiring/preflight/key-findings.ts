/**
 * The preflight of item keys: whether rows can share one, on one shard or on two, and what a run would do about it. Its
 * findings concern the run as a whole, since a row of one shard could overwrite a row of another.
 */
import type { Config } from '../../config/model.js';
import type { Finding } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import type { CompiledMapping } from '../../mapping/compile.js';
import { guardFindings, guardOf, judgeKeys, valueFindings, type KeyGuard } from '../run/key-guard.js';
import { registerFindings } from '../run/register-claims.js';
import { errorsOf, ofRun, ofShard, type OwnedFinding, type Part } from './owned-finding.js';

/** A shard of which some tables may be mapped. */
interface MappedShard {
  readonly shard: string;
  readonly mappings: readonly CompiledMapping[];
}

/**
 * @param going ids of the shards that the run starts with; another shard moves nothing, so its keys are its own matter
 * @param restarting shards that start again with this run; null: the run writes nothing
 * @returns the findings, and about how many bytes a register of all item keys takes; 0: the run needs none
 */
export function lookAtKeys(
  config: Config,
  shards: readonly MappedShard[],
  going: readonly string[],
  restarting: ReadonlySet<string> | null,
): Part & { readonly registerBytes: number } {
  const findings: Finding[] = [];
  const own: OwnedFinding[] = [];
  const moving = shards.filter(({ shard }) => going.includes(shard));
  const guards = new Map<KeyGuard, string[]>();
  let registerBytes = 0;
  for (const { shard, mappings } of shards) {
    if (mappings.length === 0) continue;
    const keys = mappings.flatMap((mapping) => mapping.keys);
    const judged = judgeKeys(config, keys);
    const isMoving = going.includes(shard);
    if (judged.verdict === 'possible') {
      const shared: Finding = {
        level: 'error',
        code: 'E_ITEM_KEY_NOT_UNIQUE',
        message: `two rows could share an item key, and one would overwrite the other: ${judged.reason}`,
        hint: judged.remedy,
      };
      if (isMoving) findings.push(shared);
      else own.push(ofShard(shard, shared));
    }
    if (!isMoving) continue;
    if (judged.verdict === 'unproven') {
      registerBytes = estimatedRegister(moving);
      findings.push({
        level: 'warning',
        code: 'E_ITEM_KEY_NOT_UNIQUE',
        message: `dynaferry cannot prove that item keys are unique: ${judged.reason}`,
        hint: `they may still be unique: a run stops before a second row overwrites a first. For that, it records every item key in item-keys.db (some ${REGISTERED_KEY_BYTES} bytes each, about ${mebibytes(registerBytes)} for these shards). To avoid that: ${judged.remedy}`,
      });
    }
    // The guard of a shard depends on all of its tables. A shard that lacks some does not run.
    if (mappings.length < config.source.tables.length) continue;
    const guard = guardOf(config, keys);
    guards.set(guard, [...(guards.get(guard) ?? []), shard]);
  }
  if (restarting !== null) {
    if (guards.size > 1) findings.push(differentGuards(guards));
    // Shards have the same tables, so usually there is one guard. Each guard is compared with the state of every shard.
    for (const guard of guards.keys()) findings.push(...guardFindings(config, guard, restarting));
    findings.push(...lookAtRegister(config, restarting));
    if (guards.has('shard-values')) findings.push(...valueFindings(config, moving, restarting));
  }
  const unseen = shards.some(({ mappings }) => mappings.length > 0)
    ? []
    : ["item keys: not looked at: no shard's tables could be mapped"];
  return { findings: [...own, ...ofRun(findings)], seen: [], unseen, registerBytes };
}

/** Shards that move one after the other are compared by their states. These would begin together. */
function differentGuards(guards: ReadonlyMap<KeyGuard, readonly string[]>): Finding {
  const kinds = Array.from(guards, ([guard, shards]) => `${shards.join(', ')} (${GUARDED[guard]})`);
  return {
    level: 'error',
    code: 'E_ITEM_KEY_NOT_UNIQUE',
    message: `the tables of the shards differ so that their item keys would be guarded in different ways: ${kinds.join('; ')}. A row of one shard could overwrite a row of another unseen`,
    hint: 'give the tables of all shards the same columns and unique keys, or prove on all of them that item keys are unique',
  };
}

const GUARDED: Readonly<Record<KeyGuard, string>> = {
  none: 'unique by the schema alone',
  'shard-values': 'unique where no two shards share a value of `shardedBy`',
  'item-keys': 'every item key recorded',
};

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
function estimatedRegister(shards: readonly MappedShard[]): number {
  const keys = shards
    .flatMap(({ mappings }) => mappings)
    .reduce((sum, { table, keys: rules }) => sum + table.estimatedRows * rules.length, 0);
  return keys * REGISTERED_KEY_BYTES;
}

export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
