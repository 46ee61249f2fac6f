/**
 * One table of one shard, ready to be worked on: a real source, a real target, real state, for tests that step in
 * between two reads.
 */
import { BadRowLimit } from '../../../src/engine/pass/bad-row-limit.js';
import { PauseGate } from '../../../src/core/async/pause-gate.js';
import { EventBus } from '../../../src/core/event-bus.js';
import type { ItemMapping } from '../../../src/config/model.js';
import { NO_COUNTS, type Cursor, type Row } from '../../../src/core/model.js';
import { type RowSource } from '../../../src/core/ports/source-ports.js';
import { NO_TARGET, type ItemReader, type ItemWriter, type TtlLook } from '../../../src/core/ports/target-ports.js';
import type { KeyRegister } from '../../../src/core/ports/key-register.js';
import type { StateStore } from '../../../src/core/ports/state-ports.js';
import type { Pass, PassKind } from '../../../src/core/ports/state-records.js';
import { backfillTable } from '../../../src/engine/backfill.js';
import { ensurePlan } from '../../../src/engine/pass/plan-table.js';
import { PassProgress } from '../../../src/engine/pass/progress.js';
import type { RetryCounts } from '../../../src/engine/retry/retry-counts.js';
import { retryBadRows } from '../../../src/engine/retry/retry-rows.js';
import { SuspectCheck } from '../../../src/engine/verify/suspect-check.js';
import type { ShardContext, TableJob } from '../../../src/engine/pass/table-job.js';
import { verifyTable } from '../../../src/engine/verify.js';
import { compileMapping } from '../../../src/mapping/compile.js';
import { chooseScanKey } from '../../../src/mysql/keyset/scan-key.js';
import { openKeyRegister } from '../../../src/state/shared/key-register.js';
import { openStateStore } from '../../../src/state/open.js';
import { openTarget, type TargetOptions, type TargetUnderTest } from '../../contract/item-writer-target.js';
import type { Servers } from '../../support/migration.js';
import { createDatabase, type TestDatabase } from '../../support/mysql.js';
import { temporaryFolder } from '../../support/temporary.js';
import { openSource } from '../mysql/source.js';

export const signal = new AbortController().signal;
const SHARD = 's01';
const GAUGES = { unitsConsumed: () => 0, unitsLimit: () => 1, throttles: () => 0, retries: () => 0 };

export interface TableWork extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly target: TargetUnderTest;
  readonly store: StateStore;
  readonly register: KeyRegister;
  readonly job: TableJob;
  readonly context: ShardContext;
  /** The items of the target, in the order of their sort keys, as `attribute: value` without types. */
  items(): Promise<readonly Readonly<Record<string, string>>[]>;
  backfill(parts?: { job?: TableJob; writer?: ItemWriter; itemKeys?: KeyRegister | null }): Promise<void>;
  retry(parts: { job?: TableJob; writer?: ItemWriter }): Promise<RetryCounts>;
  verify(parts?: VerifyAlterations): Promise<Pass>;
}

export interface VerifyAlterations {
  readonly job?: TableJob;
  readonly reader?: ItemReader;
  readonly suspects?: SuspectCheck;
  /** The attribute that TTL goes by; off unless given. */
  readonly deletesBy?: string;
}

export interface TableWorkOptions {
  readonly servers: Servers;
  /** Makes table `t`. */
  readonly sql: readonly string[];
  readonly items: readonly ItemMapping[];
  readonly chunkRows?: number;
  readonly ranges?: number;
  readonly readWhole?: boolean;
  readonly target?: TargetOptions;
}

export async function openTableWork(options: TableWorkOptions): Promise<TableWork> {
  const held: AsyncDisposable[] = [];
  const hold = <T extends AsyncDisposable>(made: T): T => {
    held.unshift(made);
    return made;
  };
  const { servers, sql, chunkRows = 1_000, ranges = 1 } = options;
  const dispose = async (): Promise<void> => {
    for (const made of held) await made[Symbol.asyncDispose]();
  };
  try {
    const database = hold(await createDatabase(servers.mysql));
    for (const statement of sql) await database.query(statement);
    const target = hold(await openTarget(servers.dynamodb, options.target));
    const folder = hold(await temporaryFolder());
    const shard = hold(openSource(database.shard(), { chunkRows }));
    const table = await shard.describe('t', signal);
    const mapping = compileMapping(table, { items: options.items }, () => 1);
    const scan = { table, columns: mapping.columns, where: null };
    const key = options.readWhole === true ? null : chooseScanKey(table, null);
    const source =
      key === null ? shard.openWhole({ ...scan, maxRows: 1_000, maxBytes: 1e6 }) : shard.open({ ...scan, key });
    const job: TableJob = { mapping, source, scanKey: key?.name ?? null, shardColumn: null };
    const store = openStateStore({ folder: folder.path, shard: SHARD, create: true });
    const register = openKeyRegister({ folder: folder.path });
    hold({
      [Symbol.asyncDispose]() {
        store.close();
        register.close();
        return Promise.resolve();
      },
    });
    const context: ShardContext = {
      shard: SHARD,
      store,
      emitter: new EventBus(),
      scans: 2,
      pause: new PauseGate(),
      ranges,
      signal,
    };
    const now = (): number => Math.floor(Date.now() / 1_000);
    const passOf = async (kind: PassKind, work: TableJob): Promise<{ pass: Pass; progress: PassProgress }> => {
      await ensurePlan(context, work, shard);
      const progress = new PassProgress(SHARD, 't', 'backfilling', 1, NO_COUNTS, GAUGES);
      return { pass: store.passes.open(kind, 't'), progress };
    };
    const common = { itemKeys: null, shardValues: null, now, guard: NO_TARGET };
    return {
      database,
      target,
      store,
      register,
      job,
      context,
      async items() {
        const texts = await target.stored();
        const items = texts.map((text) => JSON.parse(text) as Record<string, Record<string, string>>);
        return items
          .map((item) =>
            Object.fromEntries(Object.entries(item).map(([name, value]) => [name, Object.values(value)[0] ?? ''])),
          )
          .sort((a, b) => ((a['sk'] ?? '') < (b['sk'] ?? '') ? -1 : 1));
      },
      async backfill(parts = {}) {
        const work = parts.job ?? job;
        const badRows = new BadRowLimit(SHARD, 100, 0);
        const { pass, progress } = await passOf('backfill', work);
        const rest = { ...common, badRows, progress, itemKeys: parts.itemKeys ?? null };
        await backfillTable(context, work, pass, { ...rest, writer: parts.writer ?? target.writer });
      },
      async retry(parts) {
        const { progress } = await passOf('backfill', job);
        const writer = parts.writer ?? target.writer;
        return await retryBadRows(context, parts.job ?? job, { ...common, writer, progress });
      },
      async verify(parts = {}) {
        const work = parts.job ?? job;
        const { pass, progress } = await passOf('verify', work);
        const { reader = target.reader, suspects = new SuspectCheck(store), deletesBy = null } = parts;
        const lookAtTtl = (): Promise<TtlLook> => Promise.resolve({ deletesBy, seconds: now });
        await verifyTable(context, work, pass, { reader, guard: NO_TARGET, progress, suspects, lookAtTtl, now });
        return pass;
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** The same object, but for some of its methods. */
export function altered<T extends object>(of: T, methods: Partial<T>): T {
  return new Proxy(of, {
    get(target, name) {
      if (Object.hasOwn(methods, name)) return methods[name as keyof T];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

export function withSource(job: TableJob, methods: Partial<RowSource>): TableJob {
  return { ...job, source: altered(job.source, methods) };
}

export const cursor = (...parts: readonly string[]): Cursor => JSON.stringify(parts) as Cursor;

/** Every row, in key order. */
export async function allRows({ source }: TableJob): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const everything = { index: 0, after: null, upTo: null, estimatedRows: 0 };
  for await (const chunk of source.scan(everything, null, signal)) rows.push(...chunk.rows);
  return rows;
}
