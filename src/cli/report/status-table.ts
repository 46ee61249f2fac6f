/** The table of `status`: one line a shard and table, fitted to the terminal; what is wrong stands below. */
import type { Fault } from '../../core/errors.js';
import { INCIDENTS } from '../../core/incidents.js';
import type { Age, Standing } from '../../core/evidence.js';
import type { PassSummary } from '../../core/ports/state-records.js';
import { agoWords, compact, count, duration, minuteOf, percent, plural } from '../../wording/number-format.js';
import type { ShardStatus, TableStatus } from '../../state/status/read-status.js';

interface Line {
  readonly cells: readonly string[];
}

const HEADINGS = ['shard', 'phase', 'table', 'rows', 'done', 'rate', 'left', 'bad', 'verified'] as const;
/** Dropped first where the terminal is narrow: by index into HEADINGS. */
const DROP_ORDER = [5, 2, 6, 3];

/** @param now ms since the epoch; @param columns width of the terminal */
export function statusTable(shards: readonly ShardStatus[], now: number, columns: number): string {
  const lines: Line[] = [{ cells: HEADINGS }, ...shards.flatMap((shard) => shardLines(shard))];
  let kept = HEADINGS.map((_, index) => index);
  for (const drop of DROP_ORDER) {
    if (widthOf(lines, kept) <= columns) break;
    kept = kept.filter((index) => index !== drop);
  }
  const widths = kept.map((index) => Math.max(...lines.map((line) => (line.cells[index] ?? '').length)));
  const table = lines.map((line) =>
    kept
      .map((index, at) => (line.cells[index] ?? '').padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...table, ...shards.flatMap((shard) => notes(shard, now))].join('\n');
}

function widthOf(lines: readonly Line[], kept: readonly number[]): number {
  return kept.reduce((sum, index) => sum + 2 + Math.max(...lines.map((line) => (line.cells[index] ?? '').length)), -2);
}

function shardLines(shard: ShardStatus): readonly Line[] {
  if (!shard.tables.some(isBegun))
    return [{ cells: [shard.shard, shard.fault === null ? phaseText(shard) : 'unreadable'] }];
  return shard.tables.map((table, index) => ({ cells: tableCells(shard, table, index === 0) }));
}

/** Returns whether work on a table was started: it has a plan, or a pass that needs none. */
function isBegun({ planned, backfill, verify }: TableStatus): boolean {
  return planned || backfill !== null || verify !== null;
}

function tableCells(shard: ShardStatus, table: TableStatus, first: boolean): readonly string[] {
  if (!isBegun(table)) return [first ? shard.shard : '', first ? phaseText(shard) : '', table.table, 'not started'];
  const pass = currentPass(shard, table);
  const rows = pass?.counts.rows ?? 0;
  const beat = shard.running ? shard.heartbeat : null;
  const finished = pass !== null && pass.pass.finishedAt !== null;
  const rate = beat?.rowsPerSecond ?? 0;
  const left = finished || rate <= 0 || !table.planned ? '' : duration(Math.max(0, table.estimatedRows - rows) / rate);
  return [
    first ? shard.shard : '',
    first ? phaseText(shard) : '',
    table.table,
    finished || !table.planned ? count(rows) : `${count(rows)} of about ${count(table.estimatedRows)}`,
    // Without a plan, nothing says how many rows there are.
    finished ? '100%' : table.planned ? percent(rows, table.estimatedRows) : '',
    beat === null || finished ? '' : `${compact(rate)} rows/s`,
    left,
    count(table.badRows),
    verifiedText(table, shard.lateWritesUntil ?? 0),
  ];
}

function currentPass(shard: ShardStatus, table: TableStatus): PassSummary | null {
  const verified = shard.phase === 'verifying' ? table.standing === 'stands' : verifiesEarly(shard, table);
  return verified ? table.verify : table.backfill;
}

/**
 * A verification goes on over a backfill that is not finished: the phase is about the backfill, which nobody works on.
 */
function verifiesEarly({ running, heartbeat }: ShardStatus, { standing, verify }: TableStatus): boolean {
  return (
    running &&
    heartbeat?.phase === 'verifying' &&
    standing === 'backfill-unfinished' &&
    verify?.pass.finishedAt === null
  );
}

function phaseText(shard: ShardStatus): string {
  if (shard.phase === 'new') return shard.running ? 'starts now' : 'not started';
  if (shard.tables.some((table) => verifiesEarly(shard, table))) return 'verifying now';
  if (shard.running) return `${shard.phase} now`;
  // Nobody works on it: what the state calls a phase is where it stopped.
  if (shard.phase === 'backfilling') return 'backfill stopped';
  return shard.phase === 'verifying' ? 'verify stopped' : shard.phase;
}

const NO_VERDICT: Readonly<Record<Exclude<Standing, 'stands'>, string>> = {
  none: 'never',
  'before-retry': 'not since the retry',
  'before-backfill': 'not since the backfill',
  'backfill-unfinished': 'not before the backfill ends',
};

function verifiedText({ verify, standing, badRows, firstCompared }: TableStatus, lateWritesUntil: number): string {
  if (standing !== 'stands') return NO_VERDICT[standing];
  if (verify === null) return NO_VERDICT.none;
  const { startedAt, finishedAt } = verify.pass;
  if (finishedAt === null) return `${verify.rangesComplete} of ${plural(verify.ranges, 'range')}`;
  const wrong = verify.missing + verify.differing;
  const unresolved = wrong === 0 ? verify.unresolved : 0;
  if (wrong + unresolved === 0 && startedAt < lateWritesUntil) return 'not proven';
  const { newerItems: newer, expiredItems: expired } = verify.counts;
  const exceptions = [
    newer > 0 ? `${count(newer)} newer` : '',
    expired > 0 ? `${count(expired)} deleted by TTL` : '',
  ].filter((text) => text !== '');
  const equal = exceptions.length > 0 ? `equal except ${exceptions.join(', ')}` : 'equal';
  const open = wrong + unresolved > 0 ? `${count(wrong + unresolved)} ${wrong > 0 ? 'wrong' : 'unresolved'}` : null;
  const found = open ?? (badRows > 0 ? 'equal except bad rows' : equal);
  return firstCompared === null ? found : `${found}, ${ageText(firstCompared)}`;
}

/** Returns the age of the oldest comparison. The time of the last one says nothing of what the first one saw. */
function ageText(age: Age): string {
  return age.ms === null ? 'of unknown age' : agoWords(age);
}

/** @returns lines on what the config and the state do not both know, and on how old the evidence is */
function evidenceNotes({ shard, tables, oldestComparison }: ShardStatus): readonly string[] {
  const unnamed = tables.filter(({ inConfig }) => !inConfig).map(({ table }) => table);
  return [
    ...unnamed.map(
      (table) =>
        `${shard}: table ${table} is in the state, but the config does not name it; the phase of the shard does not include it`,
    ),
    ...(oldestComparison === null
      ? []
      : [`${shard}: oldest comparison ${minuteOf(oldestComparison.at)}, ${agoWords(oldestComparison)}`]),
  ];
}

function notes(shard: ShardStatus, now: number): readonly string[] {
  const suspects =
    shard.suspects > 0
      ? [
          `${shard.shard}: ${plural(shard.suspects, 'write')} ended without an answer; verify looks at their items again`,
        ]
      : [];
  const lateWrites =
    shard.lateWritesForMs === null
      ? []
      : [
          `${shard.shard}: an earlier run ended with writes in flight; DynamoDB may still apply them for ${duration(shard.lateWritesForMs / 1_000)}; verify after that`,
        ];
  const fault = [shard.fault, shard.copied].flatMap((each) => (each === null ? [] : [faultText(shard.shard, each)]));
  const newer = shard.tables.reduce((sum, { backfill }) => sum + (backfill?.counts.newerItems ?? 0), 0);
  const left =
    newer > 0 ? [`${shard.shard}: ${plural(newer, 'item')} in the target were newer and stayed as they are`] : [];
  const restart = shard.restartAsked
    ? [
        `${shard.shard}: a restart ${isRecorded(shard) ? 'has not reached this shard' : 'has not finished this shard'}; the next backfill starts it again`,
      ]
    : [];
  return [
    ...fault,
    ...restart,
    ...evidenceNotes(shard),
    ...left,
    ...suspects,
    ...lateWrites,
    ...handledFaults(shard, now),
  ];
}

function isRecorded({ tables, fault }: ShardStatus): boolean {
  return fault !== null || tables.some(({ planned }) => planned);
}

/**
 * Counts the faults that all runs handled. The figure shows whether a night was quiet, or somebody should look into
 * it.
 */
function handledFaults({ shard, incidents }: ShardStatus, now: number): readonly string[] {
  if (incidents.length === 0) return [];
  const texts = incidents.map(({ kind, count: times, lastAt }) => {
    const { one, many } = INCIDENTS[kind];
    return `${count(times)} ${times === 1 ? one : many} (last ${duration((now - lastAt) / 1_000)} ago)`;
  });
  return [`${shard}: faults handled so far: ${texts.join(', ')}`];
}

function faultText(shard: string, fault: Fault): string {
  return `${shard}: ${fault.code}: ${fault.message}\n  next: ${fault.hint}`;
}
