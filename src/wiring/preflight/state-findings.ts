/** The preflight of the state folder: its room, and states of single shards that no run may work on. */
import type { Config } from '../../config/model.js';
import { asFerryError } from '../../core/thrown.js';
import { stateSpace } from '../../state/sqlite/space.js';
import { readCopied, readDamaged } from '../../state/status/read-home.js';
import { mebibytes } from './key-findings.js';
import { errorsOf, NOTHING_FOUND, ofRun, ofShard, type Part } from './owned-finding.js';
import { registerRoom, type RegisterUse } from './register-room.js';

/** With fewer free bytes in the state folder, no run starts. */
const SPACE_ERROR_BYTES = 64 * 2 ** 20;
/** With fewer free bytes in the state folder, the preflight warns. */
const SPACE_WARNING_BYTES = 2 ** 30;

/** Looks at the room for the states of all shards. @param registerBytes of all item keys of these shards */
export function lookAtRoom(config: Config, use: RegisterUse, shardIds: readonly string[], registerBytes: number): Part {
  try {
    // This comes first: it finds a path that is not a folder.
    const { freeBytes } = stateSpace(config.state);
    const wanted = registerRoom(registerBytes, config.state, shardIds, use);
    const free = `${Math.floor(freeBytes / 2 ** 20)} MiB free`;
    if (wanted > freeBytes) {
      const hint = 'prove that item keys are unique (see the warning), or set `state` to a folder on a larger disk';
      const message = `the state folder ${config.state} has ${free}, and the record of every item key would take about ${mebibytes(wanted)}${use === 'more' ? ' more' : ''}`;
      return { ...NOTHING_FOUND, findings: ofRun([{ level: 'error', code: 'E_STATE_SPACE', message, hint }]) };
    }
    if (freeBytes >= SPACE_WARNING_BYTES) return { ...NOTHING_FOUND, seen: [`state: ${config.state}, ${free}`] };
    const level = freeBytes < SPACE_ERROR_BYTES ? 'error' : 'warning';
    const least = level === 'error' ? `, and no run starts with less than ${mebibytes(SPACE_ERROR_BYTES)}` : '';
    const message = `the state folder ${config.state} has ${free}${least}`;
    const hint = 'make room, or set `state` to a folder on a larger disk: a shard takes some 200 bytes a chunk';
    return { ...NOTHING_FOUND, findings: ofRun([{ level, code: 'E_STATE_SPACE', message, hint }]) };
  } catch (thrown) {
    const findings = ofRun(errorsOf(asFerryError(thrown, 'looking at the state folder')));
    return { ...NOTHING_FOUND, findings };
  }
}

/**
 * Looks for states that are copies.
 * @param whole looks for damaged ones too, which a run finds when it opens them
 */
export function lookAtHomes(config: Config, shardIds: readonly string[], whole: boolean): Part {
  const findings = shardIds.flatMap((shard) => {
    const at = { folder: config.state, shard };
    const fault = (whole ? readDamaged(at) : null) ?? readCopied(at, config.stateMoves);
    return fault === null ? [] : [ofShard(shard, { ...fault, level: 'error' })];
  });
  return { ...NOTHING_FOUND, findings };
}
