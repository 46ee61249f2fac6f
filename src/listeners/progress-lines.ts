/**
 * Shows how far each shard is, as lines of one table that never wrap. On a narrow terminal, the least important columns
 * are left out for all shards. On a wide one, a bar fills the rest. It also makes a sentence for logs.
 */
import type { ProgressSnapshot } from '../core/events.js';
import type { Phase } from '../core/model.js';
import { compact, count, duration, percent, plural } from '../wording/number-format.js';
import { truncate } from './terminal.js';

/** A shard on the screen, with its last progress. */
export interface ShardProgress {
  readonly shard: string;
  readonly progress: ProgressSnapshot | null;
}

interface Column {
  readonly name: string;
  /** A column with a larger rank is left out earlier. Rank 0 never is. */
  readonly rank: number;
  readonly align: 'left' | 'right';
  /** Characters that the column has at least, so that columns do not move while texts are shorter. */
  readonly width: number;
  readonly text: (progress: ProgressSnapshot, shard: string) => string;
}

/** From left to right. A column that is empty for all shards takes no room. */
const COLUMNS: readonly Column[] = [
  { name: 'shard', rank: 0, align: 'left', width: 0, text: (_, shard) => shard },
  { name: 'phase', rank: 7, align: 'left', width: 8, text: ({ phase }) => phaseName(phase) },
  { name: 'table', rank: 8, align: 'left', width: 0, text: ({ table }) => truncate(table, 20) },
  { name: 'percent', rank: 1, align: 'right', width: 6, text: (p) => percent(p.counts.rows, p.estimatedRows) },
  {
    name: 'rows',
    rank: 5,
    align: 'right',
    width: 11,
    text: (p) => `${compact(p.counts.rows)}/~${compact(p.estimatedRows)}`,
  },
  {
    name: 'rate',
    rank: 2,
    align: 'right',
    width: 13,
    text: ({ itemsPerSecond }) => `${compact(itemsPerSecond)} items/s`,
  },
  { name: 'units', rank: 6, align: 'right', width: 13, text: unitsText },
  {
    name: 'eta',
    rank: 3,
    align: 'left',
    width: 10,
    text: ({ etaSeconds: s }) => `ETA ${s === null ? '-' : duration(s)}`,
  },
  { name: 'bad', rank: 4, align: 'left', width: 0, text: (p) => someOf('bad', p.counts.badRows) },
  { name: 'throttled', rank: 9, align: 'left', width: 0, text: (p) => someOf('throttled', p.throttles) },
];

const BAR_CELLS = { fewest: 8, most: 30 };

/**
 * Returns one line a shard, of at most `columns - 1` characters: some terminals wrap at a character in their last
 * column.
 */
export function progressLines(shards: readonly ShardProgress[], columns: number): readonly string[] {
  const width = columns - 1;
  const kept = fit(
    COLUMNS.map((column) => measure(column, shards)).filter((column) => column.measured > 0),
    width,
  );
  const spare = width - widthOf(kept) - 1;
  const barCells = spare >= BAR_CELLS.fewest + 2 ? Math.min(BAR_CELLS.most, spare - 2) : 0;
  return shards.map(({ shard, progress }) => {
    const idWidth = kept[0]?.measured ?? 0;
    if (progress === null) return truncate(`${shard.padEnd(idWidth)} starting`, width);
    const cells = kept.flatMap((column) => {
      const text = column.text(progress, shard);
      const cell = column.align === 'left' ? text.padEnd(column.measured) : text.padStart(column.measured);
      return column.name === 'percent' && barCells > 0 ? [barText(progress, barCells), cell] : [cell];
    });
    return truncate(cells.join(' ').trimEnd(), width);
  });
}

type MeasuredColumn = Column & { readonly measured: number };

function measure(column: Column, shards: readonly ShardProgress[]): MeasuredColumn {
  // A shard's name is known before its progress is.
  const texts = shards.map(({ shard, progress }) => {
    if (column.name === 'shard') return shard;
    return progress === null ? '' : column.text(progress, shard);
  });
  return { ...column, measured: Math.max(column.width, ...texts.map(({ length }) => length)) };
}

/** Leaves out columns, the least important first, until the rest fits. */
function fit(columns: readonly MeasuredColumn[], width: number): readonly MeasuredColumn[] {
  if (widthOf(columns) <= width) return columns;
  const rank = Math.max(...columns.map((column) => column.rank));
  return rank === 0
    ? columns
    : fit(
        columns.filter((column) => column.rank !== rank),
        width,
      );
}

function widthOf(columns: readonly MeasuredColumn[]): number {
  return columns.reduce((sum, { measured }) => sum + measured + 1, -1);
}

/** Returns the progress as a sentence for a log, with all fields in full. */
export function progressSentence(progress: ProgressSnapshot): string {
  const { counts, estimatedRows, throttles, etaSeconds } = progress;
  const facts = [
    `${count(counts.rows)} of about ${plural(estimatedRows, 'row')} (${percent(counts.rows, estimatedRows)})`,
    `${compact(progress.itemsPerSecond)} items/s`,
    `${count(progress.unitsPerSecond)} of ${count(progress.unitsLimit)} ${unitOf(progress.phase)}/s`,
    ...(throttles > 0 ? [plural(throttles, 'throttle')] : []),
    ...(counts.newerItems > 0 ? [`${count(counts.newerItems)} newer in the target`] : []),
    ...(counts.badRows > 0 ? [plural(counts.badRows, 'bad row')] : []),
    etaSeconds === null ? 'no estimate of the time left' : `${duration(etaSeconds)} left`,
  ];
  return `${phaseName(progress.phase)} ${progress.table}: ${facts.join(', ')}`;
}

function barText({ counts, estimatedRows }: ProgressSnapshot, cells: number): string {
  const share = estimatedRows > 0 ? Math.min(1, counts.rows / estimatedRows) : 0;
  const full = Math.floor(share * cells);
  return `[${'#'.repeat(full)}${'.'.repeat(cells - full)}]`;
}

function unitsText({ unitsPerSecond, unitsLimit, phase }: ProgressSnapshot): string {
  return `${compact(unitsPerSecond)}/${compact(unitsLimit)} ${unitOf(phase)}`;
}

/** Returns nothing for 0, so that the column needs no room. */
function someOf(what: string, number: number): string {
  return number === 0 ? '' : `${what} ${compact(number)}`;
}

const VERIFYING: ReadonlySet<Phase> = new Set<Phase>(['verifying', 'verified', 'unproven', 'differences']);

function unitOf(phase: Phase): 'WCU' | 'RCU' {
  return VERIFYING.has(phase) ? 'RCU' : 'WCU';
}

function phaseName(phase: Phase): string {
  if (phase === 'new' || phase === 'planned') return 'planning';
  return VERIFYING.has(phase) ? 'verify' : 'backfill';
}
