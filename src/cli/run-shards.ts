/**
 * What backfill and verify have in common: preflight, one process a shard, progress on stderr, the report on stdout.
 */
import type { Config } from '../config/model.js';
import { EXIT, FerryError, type ExitCode, type Finding } from '../core/errors.js';
import { EventBus } from '../core/events.js';
import { asFerryError } from '../core/thrown.js';
import { plural } from '../report/format.js';
import type { AskedRestart } from '../state/restart-note.js';
import type { Supervisor } from '../shards/handle.js';
import type { ShardOutcome, ShardTask } from '../wiring/run/shard-task.js';
import type { SharedBudget } from '../wiring/shared-budget.js';
import type { TargetAtStart } from '../wiring/target-facts.js';
import { chosenShards, loadConfigOf, type ShardOptions } from './common-options.js';
import { writeJson, writeLine, type Io } from './io.js';
import { printFindings } from './print-error.js';
import { printOutcomes } from './report/outcome-report.js';
import { restatedOutcome, restating, resumeCommand } from './resume-command.js';
import type { RunOptions } from './run-options.js';
import { stopOnSignals } from './signals.js';

/** @throws FerryError E_CONFIG_*, E_USAGE, E_SHARD_UNKNOWN, what the preflight found */
export async function runShards(
  io: Io,
  common: ShardOptions,
  asked: Omit<RunOptions, 'selection' | 'liveWriter' | 'resume' | 'restartsLeft'>,
): Promise<ExitCode> {
  const selection = common.shard.length > 0 ? `--shard ${common.shard.join(' ')}` : '--all';
  const config = await loadConfigOf(io, common);
  const resume = resumeCommand(common, { ...asked, selection });
  const liveWriter = config.target.liveWriter === 'concurrent';
  const run: RunOptions = { ...asked, selection, resume, restartsLeft: [], liveWriter };
  const chosen = await chosenShards(config, common, run.kind);
  // Of all shards, those that were never begun have nothing to retry; one that was named has to be there.
  const shards = run.retryBad && common.shard.length === 0 ? await begun(config, chosen) : chosen;
  const { processors } = await import('../wiring/look/machine.js');
  const jobs = Math.min(run.jobs ?? processors(), shards.length);
  const bus = new EventBus();
  const stopping = stopOnSignals(io, () => bus.emit('run.stopping', { graceful: true }));
  try {
    const { joinBudget, restMeanwhile, UNSHARED } = await import('../wiring/shared-budget.js');
    restMeanwhile(config);
    const toRestart = await restartedBy(config, shards, run);
    const warnings = await passPreflight(io, config, shards, common, { ...run, jobs }, toRestart, stopping.stop);
    if (run.createTable && !run.dryRun) await createTarget(config, stopping.stop);
    const target = run.kind === 'backfill' && !run.dryRun ? await targetOf(config, stopping.stop) : NO_WRITES;
    const { superviseShards } = await import('../shards/supervisor.js');
    const { recordedWork } = await import('../wiring/run/recorded-work.js');
    const { serverShares } = await import('../shards/server-share.js');
    const takenOver = run.kind === 'verify' ? await takenOverBy(config, shards) : NOTHING_TAKEN_OVER;
    const budget = run.dryRun ? UNSHARED : joinBudget(config, run.kind === 'backfill' ? 'write' : 'read');
    // Last of all: a run that is refused before it begins leaves no restart for the next one to go on with.
    const newlyAsked = run.restart && !run.dryRun ? await askRestart(config, shards, budget) : NOTHING_ASKED;
    let supervisor: Supervisor | null = null;
    const everyEvent = (): boolean => supervisor?.limits.everyEvent ?? run.allEvents;
    const endProgress = await showProgress(io, bus, common.json, run, everyEvent);
    const { kind, dryRun, retryBad, maxBadRows, acceptServer, allEvents } = run;
    const sent = config.toSend();
    let outcomes: readonly ShardOutcome[];
    try {
      supervisor = superviseShards({
        tasks: shards.map((shard) => ({
          ...{
            kind,
            shard,
            config: sent,
            dryRun,
            restart: toRestart.includes(shard),
            retryBad,
            maxBadRows,
            acceptServer,
            everyEvent: allEvents,
            takenOver: takenOver.get(shard) ?? {},
            target: target.identity,
          },
          scans: 1,
          units: 0,
        })),
        config: sent.settings,
        jobs,
        shares: (scansPerServer) => serverShares(config, shards, jobs, scansPerServer),
        units: kind === 'backfill' ? config.target.writeCapacity : config.target.readCapacity,
        budget,
        warmUnits: target.warmUnits,
        recorded: (task) => recordedWork(config, task) ?? {},
        bus: restating(bus, resume),
      });
      stopping.steer(supervisor);
      outcomes = await supervisor.outcomes;
    } finally {
      endProgress();
    }
    outcomes = outcomes.map((outcome) => restatedOutcome(outcome, resume));
    const stayAsked = await forgetRefused(config, newlyAsked, outcomes);
    const restartsLeft = await leftToRestart(config, toRestart);
    if (common.json) {
      const all = [...warnings, ...stayAsked];
      writeJson(io, { command: kind, dryRun, resume, restartsLeft, warnings: all, shards: outcomes });
    } else {
      printOutcomes(io, { ...run, restartsLeft }, outcomes);
      printFindings(io.stderr, stayAsked);
    }
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
  const { takenOver } = await import('../wiring/run/taken-over.js');
  return takenOver(config, shards);
}

/** The shards that something is recorded of; all where that is none, so that the run says so. */
async function begun(config: Config, shards: readonly string[]): Promise<readonly string[]> {
  const { isBegun } = await import('../state/status/read-bad-rows.js');
  const found = shards.filter((shard) => isBegun({ folder: config.state, shard }));
  return found.length === 0 ? shards : found;
}

/** Those that begin again with this run: as it was asked to, or as an earlier run was that did not come to them. */
async function restartedBy(config: Config, shards: readonly string[], run: RunOptions): Promise<readonly string[]> {
  if (run.restart) return shards;
  return run.kind === 'verify' || run.dryRun || run.retryBad ? [] : await leftToRestart(config, shards);
}

async function leftToRestart(config: Config, shards: readonly string[]): Promise<readonly string[]> {
  const { isRestartAsked } = await import('../state/restart-note.js');
  return shards.filter((shard) => isRestartAsked({ folder: config.state, shard }));
}

const NOTHING_ASKED: AskedRestart = { shards: [], by: '' };

/** @param budget that is left where this fails: nobody else does then */
async function askRestart(config: Config, shards: readonly string[], budget: SharedBudget): Promise<AskedRestart> {
  const state = await import('../state/restart-note.js');
  try {
    return state.askRestart(config.state, shards);
  } catch (thrown) {
    budget.leave();
    throw thrown;
  }
}

/**
 * Nothing of the restart was begun, and what another process, or another copy of the state, does is not to be undone
 * later. What another run was asked for, and did not come to, stays asked.
 */
const REFUSED = new Set(['E_STATE_LOCKED', 'E_STATE_COPIED']);

/** @returns what is to be warned of: no fault in this may cost the report of what the shards came to */
async function forgetRefused(
  config: Config,
  asked: AskedRestart,
  outcomes: readonly ShardOutcome[],
): Promise<readonly Finding[]> {
  const { forgetRestart } = await import('../state/restart-note.js');
  const refused = outcomes
    .filter(({ shard, fault }) => asked.shards.includes(shard) && fault !== null && REFUSED.has(fault.code))
    .map(({ shard }) => shard);
  for (const [index, shard] of refused.entries()) {
    try {
      forgetRestart({ folder: config.state, shard }, asked.by);
    } catch (thrown) {
      // Each of the others would wait as long, for the same.
      return [staysAsked(config, refused.slice(index), asFerryError(thrown, `shard ${shard}: its restart`))];
    }
  }
  return [];
}

function staysAsked({ state }: Config, shards: readonly string[], { code, message }: FerryError): Finding {
  return {
    level: 'warning',
    code,
    message: `${message}. The refused restart of ${shards.join(', ')} stays asked for`,
    hint: `nothing, if the next backfill is to start ${shards.length === 1 ? 'it' : 'them'} again; else delete ${notesOf(shards)} in ${state}`,
  };
}

function notesOf(shards: readonly string[]): string {
  return shards.map((shard) => `${shard}.restart`).join(', ');
}

function restartGoesOn({ state }: Config, shards: readonly string[]): Finding {
  return {
    level: 'warning',
    code: 'E_INTERRUPTED',
    message: `an earlier run with --restart was interrupted before it came to ${shards.length === 1 ? 'shard' : 'shards'} ${shards.join(', ')}: this run starts ${shards.length === 1 ? 'it' : 'them'} again from the beginning`,
    hint: `nothing, if that is still wanted; else stop now, and delete ${notesOf(shards)} in ${state}`,
  };
}

/**
 * @returns what is to be warned of: printed already, or for the document of `--json`
 * @throws FerryError: the one fault, or E_PREFLIGHT with all
 */
async function passPreflight(
  io: Io,
  config: Config,
  shards: readonly string[],
  common: ShardOptions,
  run: RunOptions & { readonly jobs: number },
  toRestart: readonly string[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (!common.json)
    writeLine(io.stderr, `looking at ${plural(shards.length, 'shard')}${run.dryRun ? '' : ' and the target'} first`);
  const { preflight } = await import('../wiring/look/preflight.js');
  const report = await preflight(
    config,
    shards,
    {
      createTable: run.createTable,
      target: !run.dryRun,
      restarting: run.kind === 'verify' || run.dryRun ? null : toRestart,
      bindings: false,
      jobs: run.jobs,
    },
    signal,
  );
  const errors = report.findings.filter((finding) => finding.level === 'error');
  const goesOn = toRestart.length > 0 && !run.restart ? [restartGoesOn(config, toRestart)] : [];
  const warnings = [...goesOn, ...report.findings.filter((finding) => finding.level === 'warning')];
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
async function showProgress(
  io: Io,
  bus: EventBus,
  json: boolean,
  { dryRun }: RunOptions,
  everyEvent: () => boolean,
): Promise<() => void> {
  if (json) {
    const { startNdjsonLog } = await import('../listeners/ndjson-log.js');
    return startNdjsonLog(bus, io.stderr, { everyEvent });
  }
  if (io.stderr.isTTY === true) {
    const { startProgressBars } = await import('../listeners/progress-bars.js');
    return startProgressBars(bus, io.stderr, dryRun);
  }
  const { startPlainLines } = await import('../listeners/plain-lines.js');
  return startPlainLines(bus, io.stderr, { dryRun });
}

/**
 * A shard whose process died before interrupted before failed before different: the first such shard's own code. 130
 * would say that all checkpoints were saved.
 */
function exitCodeOf(outcomes: readonly ShardOutcome[]): ExitCode {
  const of = (wanted: ShardOutcome['outcome']): ShardOutcome | undefined =>
    outcomes.find((outcome) => outcome.outcome === wanted);
  const died = outcomes.find(({ outcome, toldBy }) => outcome === 'failed' && toldBy === 'state');
  return (died ?? of('interrupted') ?? of('failed') ?? of('differences'))?.exitCode ?? EXIT.done;
}
