/** The preflight's look at the target: the table itself, what it holds, and where it is. */
import type { Config } from '../../config/model.js';
import type { Finding } from '../../core/errors.js';
import { asFerryError } from '../../core/thrown.js';
import { connectTarget, type TargetConnection } from '../../dynamodb/client.js';
import { describeTargetTable, type TableFacts } from '../../dynamodb/table/describe-table.js';
import { targetFaults } from '../../dynamodb/table/table-findings.js';
import { expectationOf } from '../target-facts.js';
import { errorsOf, ofRun, type Part } from './owned-finding.js';
import { placeOfTarget, type TargetPlace } from '../look/places.js';
import { contentFindings, type FirstWrite } from './target-content.js';

export interface TargetPart extends Part {
  /** null: the table does not exist; undefined: the preflight could not find out. */
  readonly identity: string | null | undefined;
  /** null: the preflight did not ask. */
  readonly place: TargetPlace | null;
}

export interface TargetLook {
  /** A missing table is not a fault: the run creates it when everything else is in order. */
  readonly createTable: boolean;
  /** null: the run makes no first write. */
  readonly firstWrite: FirstWrite | null;
  /** Shards that start again with this run; null: the run writes nothing. */
  readonly restarting: readonly string[] | null;
}

/** @throws FerryError only E_INTERRUPTED; every other fault is a finding */
export async function lookAtTarget(
  config: Config,
  shards: readonly string[],
  look: TargetLook,
  signal: AbortSignal,
): Promise<TargetPart> {
  let connection: TargetConnection | null = null;
  let facts: TableFacts | null | undefined;
  const findings: Finding[] = [];
  const seen: string[] = [];
  const unseen: string[] = [];
  try {
    connection = await connectTarget(config.target);
    facts = await describeTargetTable(connection, config.target.table, signal);
    const { version } = config.target;
    if (facts !== null)
      seen.push(`target: table ${facts.name}, ${facts.status}, ${facts.billing}, ${facts.indexes.length} indexes`);
    if (facts !== null && version !== null)
      seen.push(`target: another program writes too; attribute ${version.attribute} decides which item is newer`);
    const faults = targetFaults(facts, expectationOf(config));
    findings.push(...faults.filter(({ code }) => !(look.createTable && code === 'E_TARGET_TABLE_MISSING')));
    const usable = facts !== null && !findings.some(({ level }) => level === 'error');
    if (usable && facts !== null && look.firstWrite !== null) {
      const run = { shards, restarting: look.restarting ?? [], ...look.firstWrite };
      findings.push(...(await contentFindings(config, connection, facts, run, signal)));
    }
  } catch (thrown) {
    const error = asFerryError(thrown, `looking at table ${config.target.table}`);
    if (error.code === 'E_INTERRUPTED') throw error;
    findings.push(...errorsOf(error));
    unseen.push(`target: table ${config.target.table}: not looked at: ${error.code}`);
  } finally {
    connection?.close();
  }
  const identity = facts === undefined ? undefined : (facts?.identity ?? null);
  return { findings: ofRun(findings), seen, unseen, identity, place: placeOfTarget(config, connection, facts) };
}
