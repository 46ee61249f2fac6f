/** What backfill and verify have in common: preflight, one process a shard, progress on stderr, the report on stdout. */
import { availableParallelism } from 'node:os';
import type { Config } from '../config/model.js';
import { EXIT, FerryError, type ExitCode, type Finding } from '../core/errors.js';
import { EventBus } from '../core/events.js';
import { plural } from '../listeners/format.js';
import type { ShardOutcome, ShardTask } from '../wiring/shard-task.js';
import type { TargetAtStart } from '../wiring/target-facts.js';
import { chosenShards, loadConfigOf, type ShardOptions } from './common-options.js';
import { writeJson, writeLine, type Io } from './io.js';
import { printFindings } from './print-error.js';
import { printOutcomes } from './outcome-report.js';
import type { RunOptions } from './run-options.js';
import { stopOnSignals } from './signals.js';

/** @throws FerryError E_CONFIG_*, E_USAGE, E_SHARD_UNKNOWN, what the preflight found */
export async function runShards(
  io: Io,
  common: ShardOptions,
  asked: Omit<RunOptions, 'selection' | 'liveWriter'>,
): Promise<ExitCode> {
  const selection = common.shard.length > 0 ? `--shard ${common.shard.join(' ')}` : '--all';
  const config = await loadConfigOf(io, common);
  const run: RunOptions = { ...asked, selection, liveWriter: config.target.liveWriter === 'concurrent' };
  const chosen = await chosenShards(config, common, run.kind);
  // Of all shards, those that were never begun have nothing to retry; one that was named has to be there.
  const shards = run.retryBad && common.shard.length === 0 ? await begun(config, chosen) : chosen;
  const bus = new EventBus();
  const stopping = stopOnSignals(io, () => bus.emit('run.stopping', { graceful: true }));
  try {
    const warnings = await passPreflight(io, config, shards, common, run, stopping.stop);
    if (run.createTable && !run.dryRun) await createTarget(config, stopping.stop);
    const target = run.kind === 'backfill' && !run.dryRun ? await targetOf(config, stopping.stop) : NO_WRITES;
    const { superviseShards } = await import('../shards/supervisor.js');
    const { serverShares } = await import('../shards/server-share.js');
    const takenOver = run.kind === 'verify' ? await takenOverBy(config, shards) : NOTHING_TAKEN_OVER;
    const endProgress = await showProgress(io, bus, common.json, run.allEvents);
    const { kind, dryRun, restart, retryBad, maxBadRows, acceptServer, allEvents } = run;
    const jobs = Math.min(run.jobs ?? availableParallelism(), shards.length);
    const shares = serverShares(config, shards, jobs);
    let outcomes: readonly ShardOutcome[];
    try {
      outcomes = await superviseShards({
        tasks: shards.map((shard) => ({
          ...{
            kind,
            shard,
            config: { file: config.file, text: config.text },
            dryRun,
            restart,
            retryBad,
            maxBadRows,
            acceptServer,
            everyEvent: allEvents,
            takenOver: takenOver.get(shard) ?? {},
            target: target.identity,
          },
          scans: shares.get(shard)?.scans ?? 1,
          units: 0,
        })),
        jobs,
        shares,
        units: kind === 'backfill' ? config.target.writeCapacity : config.target.readCapacity,
        warmUnits: target.warmUnits,
        bus,
        stop: stopping.stop,
        kill: stopping.kill,
      });
    } finally {
      endProgress();
    }
    if (common.json) writeJson(io, { command: run.kind, dryRun: run.dryRun, warnings, shards: outcomes });
    else printOutcomes(io, run, outcomes);
    return exitCodeOf(outcomes);
  } finally {
    stopping.end();
  }
}

const NOTHING_TAKEN_OVER: Awaited<ReturnType<typeof takenOverBy>> = new Map();

/** What this run does not verify again, of all that it was asked for. */
async function takenOverBy(
  config: Config,
  shards: readonly string[],
): Promise<ReadonlyMap<string, ShardTask['takenOver']>> {
  const { takenOver } = await import('../wiring/taken-over.js');
  return takenOver(config, shards);
}

/** The shards that something is recorded of; all where that is none, so that the run says so. */
async function begun(config: Config, shards: readonly string[]): Promise<readonly string[]> {
  const { readBadRows } = await import('../state/read-bad-rows.js');
  const found = shards.filter((shard) => readBadRows({ folder: config.state, shard }, 0) !== null);
  return found.length === 0 ? shards : found;
}

/** @returns what is to be warned of: printed already, or for the document of `--json` @throws FerryError: the one fault, or E_PREFLIGHT with all */
async function passPreflight(
  io: Io,
  config: Config,
  shards: readonly string[],
  common: ShardOptions,
  run: RunOptions,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (!common.json)
    writeLine(io.stderr, `looking at ${plural(shards.length, 'shard')}${run.dryRun ? '' : ' and the target'} first`);
  const { preflight } = await import('../wiring/preflight.js');
  const report = await preflight(
    config,
    shards,
    {
      createTable: run.createTable,
      target: !run.dryRun,
      restarting: run.kind === 'verify' || run.dryRun ? null : run.restart ? shards : [],
      bindings: false,
      jobs: Math.min(run.jobs ?? availableParallelism(), shards.length),
    },
    signal,
  );
  const errors = report.findings.filter((finding) => finding.level === 'error');
  const warnings = report.findings.filter((finding) => finding.level === 'warning');
  if (!common.json) printFindings(io.stderr, warnings);
  if (errors.length === 0) return warnings;
  const [only] = errors;
  if (errors.length === 1 && only !== undefined) throw new FerryError(only.code, only.message, only.hint);
  throw new FerryError(
    'E_PREFLIGHT',
    `the preflight refuses the run: ${plural(errors.length, 'fault')}`,
    'correct what is listed; `dynaferry check` looks again without running',
    { faults: errors },
  );
}

async function createTarget(config: Config, signal: AbortSignal): Promise<void> {
  const { targetFacts } = await import('../wiring/target-facts.js');
  await targetFacts(config, true, signal);
}

const NO_WRITES: TargetAtStart = { identity: null, warmUnits: null };

async function targetOf(config: Config, signal: AbortSignal): Promise<TargetAtStart> {
  const { targetAtStart } = await import('../wiring/target-facts.js');
  return await targetAtStart(config, signal);
}

/** Bars on a terminal, lines elsewhere, NDJSON for programs; all on stderr. @returns call it to end them */
async function showProgress(io: Io, bus: EventBus, json: boolean, allEvents: boolean): Promise<() => void> {
  if (json) {
    const { startNdjsonLog } = await import('../listeners/ndjson-log.js');
    return startNdjsonLog(bus, io.stderr, { allEvents });
  }
  if (io.stderr.isTTY === true) {
    const { startProgressBars } = await import('../listeners/progress-bars.js');
    return startProgressBars(bus, io.stderr);
  }
  const { startPlainLines } = await import('../listeners/plain-lines.js');
  return startPlainLines(bus, io.stderr);
}

/** Interrupted before failed before different: the first failed shard's own code. */
function exitCodeOf(outcomes: readonly ShardOutcome[]): ExitCode {
  const of = (wanted: ShardOutcome['outcome']): ShardOutcome | undefined =>
    outcomes.find((outcome) => outcome.outcome === wanted);
  return (of('interrupted') ?? of('failed') ?? of('differences'))?.exitCode ?? EXIT.done;
}
