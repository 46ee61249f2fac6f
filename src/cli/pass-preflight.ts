/**
 * Runs the preflight before a run, and decides what its findings mean for it. A fault of one shard leaves that shard
 * out, and the others run. A fault that concerns all of them, or one of every shard, refuses the run.
 */
import type { Config } from '../config/model.js';
import { FerryError, type Finding } from '../core/errors.js';
import { plural } from '../wording/number-format.js';
import type { Places } from '../wiring/look/places.js';
import type { PreflightOptions } from '../wiring/preflight/preflight.js';
import { writeLine, type Io } from './io.js';
import { printFindings } from './print-error.js';
import { printPlaces } from './print-places.js';

export interface Passed {
  /** Printed already, or for the document of `--json`. */
  readonly warnings: readonly Finding[];
  readonly places: Places;
  /** The shards that the run starts with, in the order of the config. */
  readonly going: readonly string[];
  /** By shard that the run leaves out: its fault. */
  readonly leftOut: ReadonlyMap<string, FerryError>;
}

/** What the preflight of a run needs to know. */
interface Preflight {
  readonly config: Config;
  readonly shards: readonly string[];
  readonly looked: Omit<PreflightOptions, 'bindings'>;
  /** The id of a run with `--json`: the places become an event, and the warnings are for the document. null: text. */
  readonly run: string | null;
  readonly signal: AbortSignal;
}

/**
 * Runs the preflight, and shows where the run points.
 * @throws FerryError: the one fault, or E_PREFLIGHT with all
 */
export async function passPreflight(io: Io, { config, shards, looked, run, signal }: Preflight): Promise<Passed> {
  if (run === null)
    writeLine(io.stderr, `checking ${plural(shards.length, 'shard')}${looked.target ? ' and the target' : ''} first`);
  const { preflight } = await import('../wiring/preflight/preflight.js');
  const { findings, going, places } = await preflight(config, shards, { ...looked, bindings: false }, signal);
  const warnings = findings.filter(({ level }) => level === 'warning');
  printPlaces(io, run, places);
  if (run === null) printFindings(io.stderr, warnings);
  const errors = findings.filter(({ level }) => level === 'error');
  const ownOf = (shard: string): readonly Finding[] => errors.filter((error) => error.shards?.includes(shard) ?? false);
  const leftOut = shards.filter((shard) => ownOf(shard).length > 0);
  if (errors.some((error) => error.shards === null) || leftOut.length === shards.length) throw refused(errors);
  return { warnings, places, going, leftOut: new Map(leftOut.map((shard) => [shard, leavesOut(shard, ownOf(shard))])) };
}

function refused(errors: readonly Finding[]): FerryError {
  const [only] = errors;
  if (errors.length === 1 && only !== undefined) return new FerryError(only.code, only.message, only.hint);
  return new FerryError(
    'E_PREFLIGHT',
    `the preflight refuses the run: ${plural(errors.length, 'fault')}`,
    'correct the listed faults; `dynaferry check` checks again without a run',
    { faults: errors },
  );
}

function leavesOut(shard: string, faults: readonly Finding[]): FerryError {
  const [only] = faults;
  if (faults.length === 1 && only !== undefined) return new FerryError(only.code, only.message, only.hint);
  const list = faults.map(({ code, message, hint }) => `\n  - ${code}: ${message}\n    next: ${hint}`).join('');
  return new FerryError(
    'E_PREFLIGHT',
    `shard ${shard}: the preflight found ${plural(faults.length, 'fault')}, and this run leaves the shard out:${list}`,
    `correct the listed faults, then run the same command again; \`dynaferry check --shard ${shard}\` checks the shard without a run`,
    { faults },
  );
}
