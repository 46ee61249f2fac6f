/** Runs a verb over shards: preflight, one process a shard, progress on stderr, the report on stdout. */
import type { Config } from '../config/model.js';
import { EXIT, FerryError, type ExitCode, type Finding } from '../core/errors.js';
import { EventBus } from '../core/event-bus.js';
import { asFerryError } from '../core/thrown.js';
import { plural } from '../wording/number-format.js';
import type { AskedRestart } from '../state/restart-note.js';
import type { VerbName } from '../engine/verbs.js';
import type { Supervisor } from '../shards/handle.js';
import type { Ending, OutcomeOf, ShardTask, TaskOf } from '../wiring/run/shard-task.js';
import type { SharedBudget } from '../wiring/shared-budget.js';
import type { TargetAtStart } from '../wiring/target-facts.js';
import { chosenShards, loadConfigOf, type ShardOptions } from './common-options.js';
import { writeJson, writeLine, type Io } from './io.js';
import { printFindings } from './print-error.js';
import { printOutcomes } from './report/outcome-report.js';
import { restatedOutcome, restating, resumeCommand } from './resume-command.js';
import type { RunRequest } from './run-options.js';
import { stopOnSignals } from './signals.js';

/** @throws FerryError E_CONFIG_*, E_USAGE, E_SHARD_UNKNOWN, what the preflight found */
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
  // A shard that was named has to be there.
  const shards = request.onlyStarted && common.shard.length === 0 ? await started(config, chosen) : chosen;
  const { processors } = await import('../wiring/look/machine.js');
  const jobs = Math.min(request.jobs ?? processors(), shards.length);
  const bus = new EventBus();
  const stopping = stopOnSignals(io, () => bus.emit('run.stopping', { graceful: true }));
  try {
    const { joinBudget, restMeanwhile, UNSHARED } = await import('../wiring/shared-budget.js');
    restMeanwhile(config);
    const toRestart = restart ? shards : startsState && !dryRun ? await leftToRestart(config, shards) : [];
    const restarting = consumes === 'write' && !dryRun ? toRestart : null;
    const looked = { createTable: request.createTable, target: !dryRun, restarting, jobs };
    const quiet = common.json;
    const warnings = await passPreflight(io, { config, shards, looked, restart, quiet, signal: stopping.stop });
    if (request.createTable && !dryRun) await createTarget(config, stopping.stop);
    const target = consumes === 'write' && !dryRun ? await targetOf(config, stopping.stop) : NO_WRITES;
    const { superviseShards } = await import('../shards/supervisor.js');
    const { recordedWork } = await import('../wiring/run/recorded-work.js');
    const { serverShares } = await import('../shards/server-share.js');
    const optionsOf = await request.options(config, shards);
    const budget = dryRun ? UNSHARED : joinBudget(config, consumes);
    // Last of all: a run that is refused before it begins leaves no restart for the next one to go on with.
    const newlyAsked = restart && !dryRun ? await askRestart(config, shards, budget) : NOTHING_ASKED;
    let supervisor: Supervisor | null = null;
    const everyEvent = (): boolean => supervisor?.limits.everyEvent ?? request.allEvents;
    const endProgress = await showProgress(io, bus, common.json, dryRun, everyEvent);
    const sent = config.toSend();
    const taskOf = (shard: string): TaskOf<Name> => ({
      ...{ verb: request.verb, options: optionsOf(shard), shard, config: sent, dryRun, acceptServer },
      restart: toRestart.includes(shard),
      everyEvent: request.allEvents,
      target: target.identity,
      scans: 1,
      units: 0,
    });
    let outcomes: readonly OutcomeOf<Name>[];
    try {
      supervisor = superviseShards({
        // One verb for all: what comes back is of that verb.
        tasks: shards.map(taskOf) as readonly ShardTask[],
        config: sent.settings,
        jobs,
        shares: (scansPerServer) => serverShares(config, shards, jobs, scansPerServer),
        units: consumes === 'write' ? config.target.writeCapacity : config.target.readCapacity,
        budget,
        warmUnits: target.warmUnits,
        recorded: (task) => recordedWork(config, task) ?? {},
        bus: restating(bus, resume),
      });
      stopping.steer(supervisor);
      outcomes = (await supervisor.outcomes) as readonly OutcomeOf<Name>[];
    } finally {
      endProgress();
    }
    outcomes = outcomes.map((outcome) => restatedOutcome(outcome, resume));
    const stayAsked = await forgetRefused(config, newlyAsked, outcomes);
    const restartsLeft = await leftToRestart(config, toRestart);
    if (common.json) {
      const all = [...warnings, ...stayAsked];
      writeJson(io, { command, dryRun, resume, restartsLeft, warnings: all, shards: outcomes });
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

/** The shards that something is recorded of; all where that is none, so that the run says so. */
async function started(config: Config, shards: readonly string[]): Promise<readonly string[]> {
  const { isBegun } = await import('../state/status/read-bad-rows.js');
  const found = shards.filter((shard) => isBegun({ folder: config.state, shard }));
  return found.length === 0 ? shards : found;
}

/** Those that an earlier run was to start again, and did not come to. */
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

/** What the preflight looks at. */
interface LookedAt {
  readonly createTable: boolean;
  readonly target: boolean;
  /** Shards that start again with this run; null: a run that writes nothing does not ask. */
  readonly restarting: readonly string[] | null;
  readonly jobs: number;
}

/** What the preflight of a run needs to know. */
interface Preflight {
  readonly config: Config;
  readonly shards: readonly string[];
  readonly looked: LookedAt;
  /** The operator asks for a restart now, and not in an earlier run. */
  readonly restart: boolean;
  /** Prints nothing: the warnings are for the document of `--json`. */
  readonly quiet: boolean;
  readonly signal: AbortSignal;
}

/**
 * @returns what is to be warned of: printed already, or for the document of `--json`
 * @throws FerryError: the one fault, or E_PREFLIGHT with all
 */
async function passPreflight(
  io: Io,
  { config, shards, looked, restart, quiet, signal }: Preflight,
): Promise<readonly Finding[]> {
  if (!quiet)
    writeLine(io.stderr, `looking at ${plural(shards.length, 'shard')}${looked.target ? ' and the target' : ''} first`);
  const { preflight } = await import('../wiring/look/preflight.js');
  const report = await preflight(config, shards, { ...looked, bindings: false }, signal);
  const errors = report.findings.filter((finding) => finding.level === 'error');
  const { restarting } = looked;
  const goesOn = restarting !== null && restarting.length > 0 && !restart ? [restartGoesOn(config, restarting)] : [];
  const warnings = [...goesOn, ...report.findings.filter((finding) => finding.level === 'warning')];
  if (!quiet) printFindings(io.stderr, warnings);
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
 * A shard whose process died before interrupted before failed before different: the first such shard's own code. 130
 * would say that all checkpoints were saved.
 */
function exitCodeOf(outcomes: readonly Ending[]): ExitCode {
  const of = (wanted: Ending['status']): Ending | undefined => outcomes.find(({ status }) => status === wanted);
  const died = outcomes.find(({ status, toldBy }) => status === 'failed' && toldBy === 'state');
  return (died ?? of('interrupted') ?? of('failed') ?? of('differences'))?.exitCode ?? EXIT.done;
}
