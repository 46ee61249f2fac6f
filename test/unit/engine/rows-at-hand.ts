/**
 * A table whose rows lie in memory, with a mapping and a state file of its own: for engine code that asks its source
 * for nothing but keys and rows. Rows without `n` are bad: their partition key would be empty.
 */
import { FerryError } from '../../../src/core/errors.js';
import { PauseGate } from '../../../src/core/async/pause-gate.js';
import { EventBus } from '../../../src/core/event-bus.js';
import type { EventRecord } from '../../../src/core/events.js';
import type { Cursor, Range, Row } from '../../../src/core/model.js';
import { type RowSource } from '../../../src/core/ports/source-ports.js';
import { NO_TARGET, type TargetGuard } from '../../../src/core/ports/target-ports.js';
import { RowBlock, type RowChunk, transportOf } from '../../../src/core/row-block.js';
import type { StateStore } from '../../../src/core/ports/state-ports.js';
import type { Pass, PassKind } from '../../../src/core/ports/state-records.js';
import type { ShardContext, TableJob } from '../../../src/engine/pass/table-job.js';
import type { CompiledMapping } from '../../../src/mapping/compile.js';
import { openStateStore } from '../../../src/state/open.js';
import { temporaryFolder } from '../../support/temporary.js';
import { compile, rule, type RuleParts, rowOf, table } from '../mapping/tables.js';

const INFO = table({ id: 'int', n: 'varchar(2000)', at: 'bigint' });

export const EXPIRING = { attribute: 'at', column: 'at', retentionSeconds: 0, expired: 'skip' } as const;

export function mappingOf(parts: RuleParts = {}): CompiledMapping {
  return compile(INFO, rule('{n}', '{id:pad(6)}', { attributes: { columns: ['n'] }, ...parts }));
}

/** @param n empty: a bad row @param at epoch seconds */
export function rowAtHand(mapping: CompiledMapping, id: number, n = 'x', at: number | null = null): Row {
  return rowOf(mapping, { id: String(id), n, at: at === null ? null : String(at) });
}

export function cursorOf(id: number): Cursor {
  return String(id) as Cursor;
}

/** @param rows at their cursors; null: no row */
export function jobOf(
  mapping: CompiledMapping,
  rows: readonly Row[] = [],
  scanKey: string | null = 'PRIMARY',
): TableJob {
  const id = mapping.columns.indexOf('id');
  const cursor = (row: Row): Cursor => String(row[id]) as Cursor;
  const source: Partial<RowSource> = {
    cursorOf: cursor,
    describeKey: (at) => `id=${at}`,
    at: (cursors) => Promise.resolve(cursors.map((at) => rows.find((row) => cursor(row) === at) ?? null)),
  };
  return { mapping, source: source as RowSource, scanKey, shardColumn: null };
}

/**
 * A job whose source scans the rows as well, in the order of their keys.
 * @param rows looked at when they are scanned: what is added before that is found
 */
export function scannedJob(mapping: CompiledMapping, rows: readonly Row[], chunkRows: number): TableJob {
  const job = jobOf(mapping, rows);
  const keyOf = (row: Row): number => Number(job.source.cursorOf(row));
  const at: RowSource['at'] = (wanted) =>
    Promise.resolve(wanted.map((cursor) => rows.find((each) => keyOf(each) === Number(cursor)) ?? null));
  async function* scan(range: Range, after: Cursor | null): AsyncGenerator<RowChunk> {
    const from = Number(after ?? range.after ?? -Infinity);
    const upTo = Number(range.upTo ?? Infinity);
    const found = rows.filter((row) => keyOf(row) > from && keyOf(row) <= upTo).sort((a, b) => keyOf(a) - keyOf(b));
    for (let i = 0; i < found.length; i += chunkRows) {
      const chunk = found.slice(i, i + chunkRows);
      const last = chunk.at(-1);
      if (last !== undefined) yield await Promise.resolve(chunkOf(mapping, chunk, job.source.cursorOf(last)));
    }
  }
  const confirm = (): Promise<null> => Promise.resolve(null);
  return { ...job, source: Object.assign(job.source, { scan, at, confirm }) };
}

/** Opens a pass of ranges that end at these keys, the last one at the last key. */
export function passOver({ store }: Place, kind: PassKind, ...ends: readonly number[]): Pass {
  const ranges = ends.map((end, index) => ({
    index,
    after: index === 0 ? null : cursorOf(ends[index - 1] ?? 0),
    upTo: cursorOf(end),
    estimatedRows: 1,
  }));
  if (store.plans.get('messages') === null) {
    store.plans.save({ table: 'messages', scanKey: 'PRIMARY', position: null, ranges, plannedAt: 1 });
  }
  return store.passes.open(kind, 'messages');
}

export function chunkOf(mapping: CompiledMapping, rows: readonly Row[], last: Cursor): RowChunk {
  const transports = mapping.columns.map((name) => {
    const column = INFO.columns.find((each) => each.name === name);
    return column === undefined ? 'text' : transportOf(column);
  });
  const block = RowBlock.of(rows, transports);
  return { rows: block, last, bytes: 1, readAt: { wall: 0, monotonic: 0 }, elapsedMs: 1 };
}

export interface Place extends AsyncDisposable {
  readonly store: StateStore;
  readonly context: ShardContext;
  readonly events: readonly EventRecord[];
}

export async function openPlace(): Promise<Place> {
  const folder = await temporaryFolder();
  const store = openStateStore({ folder: folder.path, shard: 's01', create: true });
  const emitter = new EventBus();
  const events: EventRecord[] = [];
  emitter.onAny((event) => events.push(event));
  const { signal } = new AbortController();
  return {
    store,
    events,
    context: { shard: 's01', store, emitter, scans: 1, pause: new PauseGate(), ranges: 4, signal },
    async [Symbol.asyncDispose]() {
      store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Of a target that a look finds to be another table: at that checkpoint and all later ones, or only at the end. */
export function replacedAt(checkpoint: number): TargetGuard {
  let checkpoints = 0;
  const another = (): Promise<never> => Promise.reject(new FerryError('E_TARGET_GONE', 'another table', 'none'));
  return {
    ...NO_TARGET,
    atCheckpoint: () => (++checkpoints < checkpoint ? Promise.resolve() : another()),
    confirm: another,
  };
}
