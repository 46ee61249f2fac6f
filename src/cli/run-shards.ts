/** Runs a verb over shards: preflight, one process a shard, progress on stderr, the report on stdout. */
import type { Config } from '../config/model.js';
import { EXIT, type ErrorCode, type ExitCode, type FerryError, type Finding } from '../core/errors.js';
import { EventBus } from '../core/event-bus.js';
import { asFerryError } from '../core/thrown.js';
import type { AskedRestart } from '../state/restart-note.js';
import type { VerbName } from '../engine/verbs.js';
import type { Supervisor } from '../shards/handle.js';
import type { Ending, OutcomeOf, ShardOutcome, ShardTask, TaskOf } from '../wiring/run/shard-task.js';
import type { Places } from '../wiring/look/places.js';
import type { SharedBudget } from '../wiring/shared-budget.js';
import type { TargetAtStart } from '../wiring/target-facts.js';
import { chosenShards, loadConfigOf, type ShardOptions } from './common-options.js';
import { confirmRestart } from './confirm-restart.js';
import { writeJson, type Io } from './io.js';
import { passPreflight } from './pass-preflight.js';
import { printFindings } from './print-error.js';
import { printPlaces } from './print-places.js';
import { printOutcomes } from './report/outcome-report.js';
import { restatedError, restatedOutcome, restating, resumeCommand } from './resume-command.js';
import type { RunRequest } from './run-options.js';
import { stopOnSignals } from './signals.js';

/** @throws FerryError E_CONFIG_*, E_USAGE, E_SHARD_UNKNOWN, the faults of the preflight */
export async function runShards<Name extends VerbName>(
  io: Io,
  common: ShardOptions,
  request: RunRequest<Name>,
): Promise<ExitCode> {
  const { VERBS } = await import('../engine/verbs.js');
  const { command, consumes, startsState } = VERBS[request.verb];
  const { dryRun, restart, acceptServer } = request;
  const selection = common.shard.length > 0 ? `--shard ${common.shard.join(' ')}` : '--all';
  const config = await loadConfigOf(io, common);
  const resume = resumeCommand(common, request, command, selection);
  const chosen = await chosenShards(config, common, command);
  // A shard that the operator names must be there.
  const all = request.onlyStarted && common.shard.length === 0 ? await started(config, chosen) : chosen;
  const givenUp =
    restart && !dryRun
      ? await confirmRestart(io, config, all, { yes: request.yes, json: common.json, resume: resume ?? command })
      : [];
  const { processors } = await import('../wiring/look/machine.js');
  const atOnce = request.jobs ?? processors();
  const bus = new EventBus();
  const stopping = stopOnSignals(io, () => bus.emit('run.stopping', { graceful: true }));
  try {
    const { joinBudget, restMeanwhile, UNSHARED } = await import('../wiring/shared-budget.js');
    restMeanwhile(config);
    const asked = restart ? all : startsState && !dryRun ? await leftToRestart(config, all) : [];
    const restarting = consumes === 'write' && !dryRun ? asked : null;
    const firstWrite = startsState && restarting !== null ? { intoExisting: request.intoExisting } : null;
    const look = { createTable: request.createTable, target: !dryRun, restarting, firstWrite };
    const looked = { ...look, jobs: Math.min(atOnce, all.length) };
    const passed = await passPreflight(io, {
      config,
      shards: all,
      looked,
      run: common.json ? bus.run : null,
      signal: stopping.stop,
    });
    const { going, leftOut } = passed;
    const goesOn = restarting === null || restart ? [] : asked.filter((shard) => going.includes(shard));
    const resumed = goesOn.length === 0 ? [] : [restartGoesOn(config, goesOn)];
    if (!common.json) printFindings(io.stderr, resumed);
    const warnings = [...resumed, ...passed.warnings];
    const jobs = Math.min(atOnce, going.length);
    const creates = request.createTable && !dryRun;
    const places = creates ? await createTarget(config, passed.places, stopping.stop) : passed.places;
    if (places !== passed.places) printPlaces(io, common.json ? bus.run : null, places);
    const target = consumes === 'write' && !dryRun ? await targetOf(config, stopping.stop) : NO_WRITES;
    const { superviseShards } = await import('../shards/supervisor.js');
    const { emitEnd } = await import('../shards/process/running-shard.js');
    const { failedOutcome } = await import('../wiring/run/shard-task.js');
    const { recordedWork } = await import('../wiring/run/recorded-work.js');
    const { serverShares } = await import('../shards/server-share.js');
    const optionsOf = await request.options(config, all);
    const budget = dryRun ? UNSHARED : joinBudget(config, consumes);
    // This comes last, so that a run that is refused before its start leaves no restart for the next one.
    // A shard that is left out starts again once it can, unless its restart is refused.
    // Another process may be at work on it: what it moves must not be undone later.
    const { readShardStatus } = await import('../state/status/read-status.js');
    const isHeld = (shard: string): boolean => readShardStatus({ folder: config.state, shard }, [])?.running ?? false;
    const toAsk = all.filter((shard) => {
      const fault = leftOut.get(shard);
      return fault === undefined || !(isRestartRefused(fault) || isHeld(shard));
    });
    const newlyAsked = restart && !dryRun ? await askRestart(config, toAsk, budget) : NOTHING_ASKED;
    let supervisor: Supervisor | null = null;
    const everyEvent = (): boolean => supervisor?.limits.everyEvent ?? request.allEvents;
    const endProgress = await showProgress(io, bus, common.json, dryRun, everyEvent);
    const sent = config.toSend();
    const taskOf = (shard: string): TaskOf<Name> => ({
      ...{ verb: request.verb, options: optionsOf(shard), shard, config: sent, dryRun, acceptServer },
      restart: asked.includes(shard),
      everyEvent: request.allEvents,
      target: target.identity,
      scans: 1,
      units: 0,
    });
    let outcomes: readonly OutcomeOf<Name>[];
    try {
      const runBus = restating(bus, resume);
      const recorded = (task: ShardTask): Partial<ShardOutcome> => recordedWork(config, task) ?? {};
      const outside = [...leftOut].map(([shard, fault]) => {
        const task = taskOf(shard) as ShardTask;
        const outcome = failedOutcome(task, fault, { ...recorded(task), toldBy: 'nobody' });
        emitEnd(outcome, runBus);
        return outcome;
      });
      supervisor = superviseShards({
        // The tasks have one verb, so the outcomes are of that verb.
        tasks: going.map(taskOf) as readonly ShardTask[],
        config: sent.settings,
        jobs,
        shares: (scansPerServer) => serverShares(config, going, jobs, scansPerServer),
        units: consumes === 'write' ? config.target.writeCapacity : config.target.readCapacity,
        budget,
        warmUnits: target.warmUnits,
        recorded,
        bus: runBus,
      });
      stopping.steer(supervisor);
      const ended = new Map([...(await supervisor.outcomes), ...outside].map((outcome) => [outcome.shard, outcome]));
      outcomes = all.flatMap((shard) => (ended.get(shard) ?? []) as OutcomeOf<Name>);
    } catch (thrown) {
      throw restatedError(thrown, resume);
    } finally {
      endProgress();
    }
    outcomes = outcomes.map((outcome) => restatedOutcome(outcome, resume));
    const stayAsked = await forgetRefused(config, newlyAsked, outcomes);
    const restartsLeft = await leftToRestart(config, asked);
    if (common.json) {
      writeJson(io, {
        ...{ command, dryRun, resume, givenUp, restartsLeft, places },
        ...{ warnings: [...warnings, ...stayAsked], shards: outcomes },
      });
    } else {
      const liveWriter = config.target.liveWriter === 'concurrent';
      printOutcomes(io, { dryRun, liveWriter, selection, resume, restartsLeft }, request.report, outcomes);
      printFindings(io.stderr, stayAsked);
    }
    return exitCodeOf(outcomes);
  } finally {
    stopping.end();
  }
}

/** Returns the shards with a recorded state. If no shard has one, it returns all, so that the run reports that. */
async function started(config: Config, shards: readonly string[]): Promise<readonly string[]> {
  const { isBegun } = await import('../state/status/read-bad-rows.js');
  const found = shards.filter((shard) => isBegun({ folder: config.state, shard }));
  return found.length === 0 ? shards : found;
}

/** Returns the shards that an earlier run was to start again, and did not reach. */
async function leftToRestart(config: Config, shards: readonly string[]): Promise<readonly string[]> {
  const { isRestartAsked } = await import('../state/restart-note.js');
  return shards.filter((shard) => isRestartAsked({ folder: config.state, shard }));
}

const NOTHING_ASKED: AskedRestart = { shards: [], by: '' };

/** @param budget the run leaves it if this fails, since nothing else would leave it then */
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
 * With these faults, nothing of the restart happened. Another process, or another copy of the state, may have made
 * progress that a later run must not undo. A restart that another run asked for, and did not reach, stays asked for.
 */
const REFUSED = new Set<ErrorCode>(['E_STATE_LOCKED', 'E_STATE_COPIED']);

function isRestartRefused(fault: FerryError): boolean {
  return [fault, ...fault.faults].some(({ code }) => REFUSED.has(code));
}

/**
 * Takes back the restart of refused shards.
 * @returns warnings; a fault here must not cost the report on the shards
 */
async function forgetRefused(
  config: Config,
  asked: AskedRestart,
  outcomes: readonly Ending[],
): Promise<readonly Finding[]> {
  const { forgetRestart } = await import('../state/restart-note.js');
  const refused = outcomes
    .filter(({ shard, fault }) => asked.shards.includes(shard) && fault !== null && REFUSED.has(fault.code))
    .map(({ shard }) => shard);
  for (const [index, shard] of refused.entries()) {
    try {
      forgetRestart({ folder: config.state, shard }, asked.by);
    } catch (thrown) {
      // Each of the others would wait as long, for the same reason.
      return [staysAsked(config, refused.slice(index), asFerryError(thrown, `shard ${shard}: its restart`))];
    }
  }
  return [];
}

function staysAsked({ state }: Config, shards: readonly string[], { code, message }: FerryError): Finding {
  return {
    level: 'warning',
    code,
    message: `${message}. For this reason, the request to restart ${shards.join(', ')} stays recorded, although the run refused it`,
    hint: `do nothing if the next backfill should start ${shards.length === 1 ? 'it' : 'them'} again; else delete ${notesOf(shards)} in ${state}`,
  };
}

function notesOf(shards: readonly string[]): string {
  return shards.map((shard) => `${shard}.restart`).join(', ');
}

function restartGoesOn({ state }: Config, shards: readonly string[]): Finding {
  return {
    level: 'warning',
    code: 'E_INTERRUPTED',
    message: `an earlier --restart has not finished ${shards.length === 1 ? 'shard' : 'shards'} ${shards.join(', ')}: this run starts ${shards.length === 1 ? 'it' : 'them'} again from the beginning`,
    hint: `do nothing if you still want that; else stop this run now, and delete ${notesOf(shards)} in ${state}`,
  };
}

/** Creates the table where it is missing. @returns the same places, or those with the account of the new table */
async function createTarget(config: Config, places: Places, signal: AbortSignal): Promise<Places> {
  const { targetFacts } = await import('../wiring/target-facts.js');
  await targetFacts(config, true, signal);
  if (places.target?.exists !== false) return places;
  const { lookAtTargetPlace } = await import('../wiring/look/places.js');
  return { ...places, target: await lookAtTargetPlace(config, signal) };
}

const NO_WRITES: TargetAtStart = { identity: null, warmUnits: null };

async function targetOf(config: Config, signal: AbortSignal): Promise<TargetAtStart> {
  const { targetAtStart } = await import('../wiring/target-facts.js');
  return await targetAtStart(config, signal);
}

/**
 * Shows progress on stderr: bars on a terminal, NDJSON for programs, lines elsewhere. @returns a function that ends it
 */
async function showProgress(
  io: Io,
  bus: EventBus,
  json: boolean,
  dryRun: boolean,
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
 * Returns the exit code of the first shard of the worst kind. The order is: process died, interrupted, failed,
 * different, unproven. 130 would say that all checkpoints were saved.
 */
function exitCodeOf(outcomes: readonly Ending[]): ExitCode {
  const of = (wanted: Ending['status']): Ending | undefined => outcomes.find(({ status }) => status === wanted);
  const died = outcomes.find(({ status, toldBy }) => status === 'failed' && toldBy === 'state');
  return (died ?? of('interrupted') ?? of('failed') ?? of('differences') ?? of('unproven'))?.exitCode ?? EXIT.done;
}
