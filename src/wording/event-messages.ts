/**
 * Events in the words of an operator: one line an event, for those that someone watching wants to read. Names of
 * shards, tables, columns and attributes only, never values. The progress bars print the same lines above the bars.
 */
import type { EventMap, EventRecord } from '../core/events.js';
import type { Phase } from '../core/model.js';
import { namesOfServer } from '../core/text/shown-text.js';
import { agoWords, count, duration, plural } from './number-format.js';

/**
 * The line of an event, without the shard's name, or null where it is not worth one.
 * @param dryRun whether the run writes nothing: what its shards come to is then no state of the migration
 */
export function wordsOf({ name, payload }: EventRecord, dryRun = false): string | null {
  switch (name) {
    case 'shard.started':
      return payload.resumed ? 'resumes where it stopped' : 'starts';
    case 'shard.phase':
      return dryRun ? dryPhaseWords(payload.phase) : PHASES[payload.phase];
    case 'table.planned':
      return payload.reused
        ? `${payload.table}: follows the ${plural(payload.ranges, 'range')} planned before`
        : `${payload.table}: cut into ${plural(payload.ranges, 'range')}, about ${plural(payload.estimatedRows, 'row')}`;
    case 'verification.again':
      return againWords(payload);
    case 'verification.kept':
      return `${payload.table}: compared ${agoWords(payload.lastCompared)} by an earlier run, not read again`;
    case 'source.paused':
      return `reading pauses: ${payload.reason}`;
    case 'source.resumed':
      return `reading goes on after ${duration(payload.pausedMs / 1000)}`;
    case 'shard.paused':
      return 'is paused by an operator: it reads nothing until it is resumed';
    case 'shard.resumed':
      return `goes on after a pause of ${duration(payload.pausedMs / 1000)}`;
    case 'source.retried':
      return `MySQL: ${payload.doing}: ${payload.fact} (${payload.reason}); tries again, attempt ${payload.attempt + 1}`;
    case 'source.probe_failed':
      return `dynaferry cannot watch ${payload.gauge} (${payload.reason}), and reads on without it; check that it runs, and that the user may connect and has REPLICATION CLIENT`;
    case 'request.retried':
      return retryWords(payload);
    case 'target.throttled':
      return `DynamoDB throttles${payload.reasons.length === 0 ? '' : ` (${[...new Set(payload.reasons)].join(', ')})`}; dynaferry sends the refused requests again`;
    case 'target.misreported':
      return `DynamoDB answered ${payload.operation} with ${payload.units} units, but only ${count(payload.least)} to ${count(payload.most)} are possible. dynaferry counts units by item size instead; look for a proxy in between`;
    case 'register.waited':
      return `waits for the register of item keys, which ${payload.holder === null ? 'another process' : `process ${payload.holder}`} has locked`;
    case 'row.rejected':
      return `bad row in ${payload.table}${payload.column === null ? '' : `, column ${payload.column}`}: ${payload.reason}`;
    case 'difference.found':
      return differenceWords(payload);
    case 'events.dropped':
      return `${plural(payload.events, 'event')} not shown: they came faster than they could be written; the state has counted them`;
    case 'shard.stalled':
      return stallWords(payload);
    case 'shard.warning':
    case 'run.warning':
      return `warning: ${payload.message}; ${payload.hint}`;
    case 'shard.finished':
      return finishWords(payload, dryRun);
    case 'run.stopping':
      return 'stopping: writes in flight finish, then the checkpoint is saved; press Ctrl-C again to end at once';
    case 'listener.failed':
      return `a display or log failed at ${payload.failedAt} and is off; the run goes on`;
    case 'chunk.read':
    case 'chunk.acknowledged':
    case 'chunk.compared':
    case 'watermark.advanced':
    case 'segment.completed':
    case 'batch.sent':
    case 'batch.acknowledged':
    case 'shard.progress':
      return null;
  }
}

const WHY_AGAIN: Readonly<Record<EventMap['verification.again']['reason'], string>> = {
  aged: 'which is more than verify.maxAge',
  'late-writes': 'and DynamoDB could apply writes of a killed run after that',
  'ttl-changed': 'and TTL was changed on the table since',
  'before-retry': 'before a retry of bad rows',
  'before-backfill': 'before the backfill moved further rows',
};

function againWords({ table, reason, rows, lastActive }: EventMap['verification.again']): string {
  if (lastActive === null) return `${table}: an interrupted verification had compared nothing; it starts again`;
  const why = lastActive.ms === null ? 'so it is not resumed' : WHY_AGAIN[reason];
  const again = rows === 0 ? '' : `; its ${plural(rows, 'row')} are compared again`;
  return `${table}: the last comparison of an interrupted verification was ${agoWords(lastActive)}, ${why}${again}`;
}

function stallWords({ last, seconds, waitsFor, hint }: EventMap['shard.stalled']): string {
  const seen = last === null ? 'and nothing moved before' : `last seen: ${last}`;
  const why = waitsFor === null ? '' : `: it ${waitsFor}`;
  return `nothing has moved for ${duration(seconds)}, ${seen}${why}; ${hint}; if it goes on, the shard ends with E_STALLED`;
}

/** Reports a request that is retried. Throttles have an event of their own. */
function retryWords({ operation, reason, throttled, ambiguous }: EventMap['request.retried']): string | null {
  if (throttled) return null;
  return ambiguous
    ? `DynamoDB: ${operation} got no answer (${reason}), so it may have been applied; dynaferry records its items as suspects, and writes them again`
    : `DynamoDB: ${operation} failed (${reason}); tries again`;
}

const PHASES: Readonly<Record<Phase, string>> = {
  new: 'has nothing recorded yet',
  planned: 'is planned',
  backfilling: 'backfilling',
  backfilled: 'is backfilled, and not verified',
  verifying: 'verifying',
  verified: 'is verified: both sides are equal',
  unproven: 'is not proven: nothing wrong was found, but not everything is settled',
  differences: 'has differences',
};

/** Its last line says what it came to. */
function dryPhaseWords(phase: Phase): string | null {
  return phase === 'backfilling' ? 'dry run: reads and maps all rows, and writes nothing' : null;
}

function differenceWords({ class: kind, table, attributes }: EventMap['difference.found']): string {
  switch (kind) {
    case 'missing':
      return `an item of ${table} is missing in the target`;
    case 'differing':
      return `an item of ${table} differs in ${namesOfServer(attributes)}`;
    case 'unresolved':
      return `a row of ${table} keeps changing: it could not be compared`;
  }
}

const OUTCOMES: Readonly<Record<EventMap['shard.finished']['status'], string>> = {
  done: 'done',
  differences: 'finished with differences or bad rows',
  unproven: 'finished without proof',
  failed: 'failed',
  interrupted: 'stopped, checkpoint saved',
};

const DRY_OUTCOMES: typeof OUTCOMES = {
  done: 'dry run passed, nothing written',
  differences: 'dry run found bad rows, nothing written',
  unproven: 'dry run finished, nothing written',
  failed: 'dry run failed, nothing written',
  interrupted: 'dry run stopped, nothing written',
};

function finishWords(
  { status: outcome, toldBy, counts, elapsedMs, fault }: EventMap['shard.finished'],
  dryRun: boolean,
): string {
  const facts = [
    plural(counts.rows, 'row'),
    `${plural(counts.items, 'item')}${dryRun ? ' mapped' : ''}`,
    `${count(counts.units)} units`,
    ...(counts.newerItems > 0 ? [`${count(counts.newerItems)} newer in the target`] : []),
    ...(counts.badRows > 0 ? [plural(counts.badRows, 'bad row')] : []),
    ...(counts.expiredItems > 0 ? [`${count(counts.expiredItems)} deleted by TTL, as far as can be told`] : []),
    ...(counts.expiredRows > 0 ? [`${plural(counts.expiredRows, 'expired row')} left out`] : []),
  ];
  const inOrder = outcome === 'interrupted' && toldBy === 'process';
  const why = fault === null || inOrder ? '' : `: ${fault.message}; ${fault.hint}`;
  const ended = outcome === 'interrupted' && !inOrder ? 'ended' : (dryRun ? DRY_OUTCOMES : OUTCOMES)[outcome];
  return `${ended} after ${duration(elapsedMs / 1000)}: ${facts.join(', ')}${why}`;
}
