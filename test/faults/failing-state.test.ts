/**
 * The contract between the engine and its memory: each call of the state and of the register of keys fails once at each
 * place, before or after it had its effect, while chunks are under way; then the disk has room again. The run ends with
 * that error or completes, and the same command ends in the truth of an undisturbed run: nothing is forgotten, nothing
 * is counted twice.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import Database from 'better-sqlite3';
import pLimit from 'p-limit';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import type { Config } from '../../src/config/model.js';
import { EventBus } from '../../src/core/event-bus.js';
import type { Cursor } from '../../src/core/model.js';
import type { StateStore } from '../../src/core/ports/state-ports.js';
import type { PassKind, TablePlan } from '../../src/core/ports/state-records.js';
import { EFFECTS } from '../../src/state/guarded-ports.js';
import type * as RegisterModule from '../../src/state/shared/key-register.js';
import type * as StateModule from '../../src/state/open.js';
import { openBudget, runShard } from '../../src/wiring/run/run-shard.js';
import type { ShardOutcome, ShardTask } from '../../src/wiring/run/shard-task.js';
import { taskOf } from '../support/shard-task.js';
import { createTable, TEST_AWS_ENVIRONMENT, type Item } from '../support/dynamodb.js';
import { FailingCalls, type Failure } from '../support/failing-state.js';
import { seededRandom, startFaultProxy, type Fate, type FaultProxy, type SeenRequest } from '../support/fault-proxy.js';
import { copyState } from '../support/copied-state.js';
import { letLateWriteWindowPass } from '../support/late-writes.js';
import { createMigration, dynamodbPairs, inKeyOrder, KEYS, type ConfigDocument } from '../support/migration.js';

vi.mock('../../src/state/open.js', async (original) => {
  const real = await original<typeof StateModule>();
  const openStateStore: typeof real.openStateStore = (at) =>
    FailingCalls.of(at.folder).around('StateStore', inRanges(real.openStateStore(at), shapeOf(at.folder)));
  return { ...real, openStateStore };
});
vi.mock('../../src/state/shared/key-register.js', async (original) => {
  const real = await original<typeof RegisterModule>();
  const openKeyRegister: typeof real.openKeyRegister = (at) =>
    FailingCalls.of(at.folder).around('KeyRegister', real.openKeyRegister(at));
  return { ...real, openKeyRegister };
});

/** They have no effect, so there is no failure after it. */
const READS: ReadonlySet<string> = new Set(
  Object.entries(EFFECTS).flatMap(([port, effects]) =>
    Object.entries(effects).flatMap(([name, effect]) => (effect === 'reads' ? [`StateStore.${port}.${name}`] : [])),
  ),
);
/** What is committed, and what may be committed then, hangs by these. */
const MOVING =
  /\.(checkpoints\.(commit|completeSegment)|passes\.finish|badRows\.(record|forget)|ambiguousWrites\.(add|close)|retries\.settle)$/;

const ROWS = 36;
/** By id: not JSON, until they are corrected. */
const BAD = [3, 14, 15, 30];
/** Of the bad ones: corrected before the verification; the first one has its item in the target by then. */
const CORRECTED = [14, 30];
const MISSING = [5, 18, 19, 34];
const DIFFERING = [8, 35];

const account = (id: number): string => `a${Math.floor(id / 9)}`;
const note = (id: number): string => `note ${String(id).padStart(3, '0')}`;
const keyOf = (id: number) => ({ pk: { S: account(id) }, sk: { S: note(id) } });

const TABLE = [
  'CREATE TABLE notes (account VARCHAR(8) NOT NULL, id INT NOT NULL, note VARCHAR(20) NOT NULL, meta VARCHAR(40), PRIMARY KEY (account, id))',
  `INSERT INTO notes VALUES ${Array.from({ length: ROWS }, (_, id) => `('${account(id)}', ${id}, '${note(id)}', '${BAD.includes(id) ? 'not JSON' : `{"id":${id}}`}')`).join()}`,
];
const correct = (ids: readonly number[]): string =>
  `UPDATE notes SET meta = concat('{"id":', id, '}') WHERE id IN (${ids.join()})`;

/** Nothing proves that notes are unique, so item keys are claimed, besides the accounts. */
function notes(config: ConfigDocument): void {
  const keys = { partitionKey: { name: 'pk', template: '{account}' }, sortKey: { name: 'sk', template: '{note}' } };
  config.source.table = { name: 'notes', shardedBy: 'account' };
  config.mapping = { notes: { items: [{ ...keys, attributes: { rules: { meta: { type: 'JSON' } } } }] } };
  Object.assign(config.source.limits, { chunkRows: 4, chunkMs: 60_000 });
  Object.assign(config.target, { maxInFlightRequests: 4 });
}

/** Three ranges, two of them at once; or one range with several chunks under way. */
type Shape = 'several' | 'one';

const shapeOf = (folder: string): Shape => (basename(folder).startsWith('several') ? 'several' : 'one');

/** A planner would not cut so few rows. Cursors as the state has them. */
const CUTS = [11, 23].map((id) => JSON.stringify([account(id), String(id)]) as Cursor);

function inRanges(store: StateStore, shape: Shape): StateStore {
  const save = (plan: TablePlan): void => {
    const bounds = [null, ...(shape === 'several' ? CUTS : []), plan.ranges.at(-1)?.upTo ?? null];
    const ranges = bounds
      .slice(1)
      .map((upTo, index) => ({ index, after: bounds[index] ?? null, upTo, estimatedRows: 12 }));
    store.plans.save({ ...plan, ranges });
  };
  const plans = { ...store.plans, save };
  return new Proxy(store, {
    get(target, property) {
      if (property === 'plans') return plans;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** A target whose chunks end in another order than they begin in, and of whose writes one has no answer. */
class Restless implements AsyncDisposable {
  #writes = 0;
  #lost: readonly string[] = [];

  private constructor(readonly proxy: FaultProxy) {}

  static async before(endpoint: string): Promise<Restless> {
    const random = seededRandom(11);
    const late = (): Fate => ({ kind: 'late', ms: Math.floor(random() * 8) });
    const made: { restless?: Restless } = {};
    made.restless = new Restless(await startFaultProxy(endpoint, (request) => made.restless?.meet(request) ?? late()));
    return made.restless;
  }

  meet({ operation, entries }: SeenRequest): Fate | null {
    if (operation !== 'BatchWriteItem' || ++this.#writes !== 1) return null;
    this.#lost = entries;
    return { kind: 'reset', applied: true };
  }

  /** For another run. */
  again(): void {
    this.#writes = 0;
    this.#lost = [];
  }

  /** Keys of what had no answer. */
  get unheard(): readonly string[] {
    return this.#lost.map((entry) => {
      const { pk, sk } = (JSON.parse(entry) as { PutRequest: { Item: Item } }).PutRequest.Item;
      return JSON.stringify({ pk, sk });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
  }
}

interface Place {
  readonly state: string;
  readonly table: string;
  readonly endpoint: string;
}

type Command = 'backfill' | 'verify' | 'retry';

/** One process. */
async function runOnce(whole: Config, command: Command, { state, table, endpoint }: Place): Promise<ShardOutcome> {
  const scans = shapeOf(state) === 'several' ? 2 : 4;
  const config: Config = { ...whole, state, target: { ...whole.target, table, endpoint } };
  const sent = config.toSend();
  const options = { maxBadRows: BAD.length };
  const task: ShardTask =
    command === 'verify'
      ? taskOf('verify', sent, { scans })
      : taskOf(command === 'retry' ? 'retry-bad' : 'backfill', sent, { scans, options });
  try {
    return await runShard(task, config, new EventBus(), openBudget(task.units), new AbortController().signal);
  } finally {
    FailingCalls.of(state).endProcess();
  }
}

interface Disturbed {
  /** Of the last run. */
  readonly outcome: ShardOutcome;
  /** Calls of the first run. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Runs with the failure, and again where it ended by it. */
async function disturbed(whole: Config, command: Command, place: Place, failure: Failure | null): Promise<Disturbed> {
  const calls = FailingCalls.of(place.state);
  calls.arm(failure);
  const first = await runOnce(whole, command, place);
  const { struck } = calls;
  const counts = new Map(calls.counts);
  calls.arm(null);
  if (first.status !== 'failed') return { outcome: first, counts };
  expect({ struck, code: first.fault?.code }, first.fault?.message).toEqual({ struck: true, code: 'E_STATE_IO' });
  return { outcome: await runOnce(whole, command, place), counts };
}

/** What the state says, as far as it may not depend on how often a run was disturbed. */
function recorded(folder: string, kind: PassKind): object {
  const database = new Database(join(folder, 's01.db'), { readonly: true });
  try {
    const all = (sql: string): readonly unknown[] => database.prepare(sql).all();
    const newest = `(SELECT max(id) FROM passes WHERE kind = '${kind}')`;
    return {
      finished: all(`SELECT finished_at IS NOT NULL AS finished FROM passes WHERE id = ${newest}`),
      ranges: all(
        `SELECT segment_index, watermark, complete, chunks, rows, items, bad_rows, missing, differing, unresolved
           FROM pass_segments WHERE pass_id = ${newest} ORDER BY segment_index`,
      ),
      chunks: all(
        `SELECT segment_index, sequence, last_cursor, rows, items, bad_rows, source_digest, target_digest, missing, differing
           FROM chunks WHERE pass_id = ${newest} ORDER BY segment_index, sequence`,
      ),
      differences: all(
        `SELECT class, item_key, attributes, cursor FROM differences WHERE pass_id = ${newest} ORDER BY item_key`,
      ),
      badRows: all(
        'SELECT table_name, cursor, scan_key, column_name, reason, segment_index, chunk_sequence FROM bad_rows ORDER BY cursor',
      ),
      retried: all('SELECT total(rows) AS rows, total(items) AS items, total(gone_rows) AS gone FROM bad_row_retries'),
    };
  } finally {
    database.close();
  }
}

function pluck(file: string, sql: string): readonly unknown[] {
  const database = new Database(file, { readonly: true });
  try {
    return database.prepare<[]>(sql).pluck().all();
  } finally {
    database.close();
  }
}

/** What may still land is known: by its key, or because the run counts as broken off. */
function expectHeard(state: string, { unheard }: Restless): void {
  const file = join(state, 's01.db');
  const [crashedAt] = pluck(file, 'SELECT crashed_at FROM meta');
  const known = pluck(file, 'SELECT item_key FROM ambiguous_writes');
  if (crashedAt === null) expect(unheard.filter((key) => !known.includes(key))).toEqual([]);
}

/** Every call that was made, at every place, before and after its effect. */
function failuresOf(counts: ReadonlyMap<string, number>, wanted: (call: string) => boolean): readonly Failure[] {
  return [...counts]
    .filter(([call]) => wanted(call))
    .flatMap(([call, count]) => {
      const whens: readonly Failure['when'][] = READS.has(call) ? ['before'] : ['before', 'after'];
      return Array.from({ length: count }, (_, index) =>
        whens.map((when): Failure => ({ call, occurrence: index + 1, when })),
      ).flat();
    });
}

/** Each waits for answers most of the time. */
const AT_ONCE = 8;

interface Scenario {
  /** @returns what is true afterwards, and the calls of the first run */
  (failure: Failure | null): Promise<{ readonly truth: object; readonly counts: ReadonlyMap<string, number> }>;
}

/** @returns what an undisturbed run leaves, as every disturbed one does */
async function expectNothingForgotten(scenario: Scenario, wanted: (call: string) => boolean): Promise<object> {
  const undisturbed = await scenario(null);
  const failures = failuresOf(undisturbed.counts, wanted);
  expect(failures.length).toBeGreaterThan(10);
  const limit = pLimit(AT_ONCE);
  const found = await Promise.all(
    failures.map((failure) => limit(async () => ({ failure, truth: (await scenario(failure)).truth }))),
  );
  for (const { failure, truth } of found) expect(truth, JSON.stringify(failure)).toEqual(undisturbed.truth);
  return undisturbed.truth;
}

afterEach(() => void vi.unstubAllEnvs());

describe.each(dynamodbPairs.slice(-1))('each call of the state fails once, $name', { timeout: 900_000 }, (servers) => {
  /** Shapes, and the calls that fail in them. */
  const shapes: readonly (readonly [Shape, (call: string) => boolean])[] = [
    ['several', () => true],
    ['one', (call) => MOVING.test(call)],
  ];

  // Some 40 seconds on two idle cores.
  test('a run in which any one call of the state fails loses nothing: it ends with that error or completes', async () => {
    for (const [name, value] of Object.entries(TEST_AWS_ENVIRONMENT)) vi.stubEnv(name, value);
    await using migration = await createMigration({ servers, rows: () => TABLE, config: notes });
    const env = { ...process.env, MYSQL_PASSWORD: servers.mysql.password };
    const config = loadConfig(join(migration.folder, 'dynaferry.yaml'), env);
    const query = async (sql: string): Promise<unknown> => await migration.databases[0]?.query(sql);
    let folders = 0;
    const newFolder = (shape: Shape, from: string | null = null): string => {
      const folder = join(migration.folder, `${shape}-${String(++folders)}`);
      if (from === null) mkdirSync(folder);
      else copyState(from, folder, ['s01']);
      return folder;
    };
    const through = async (): Promise<Restless> => await Restless.before(servers.dynamodb.endpoint);
    /** A backfill into a table of its own. */
    const backfill =
      (shape: Shape): Scenario =>
      async (failure) => {
        await using table = await createTable(servers.dynamodb, KEYS);
        await using target = await through();
        const place = { state: newFolder(shape), table: table.name, endpoint: target.proxy.endpoint };
        const { outcome, counts } = await disturbed(config, 'backfill', place, failure);
        expectHeard(place.state, target);
        const items = inKeyOrder(await table.items());
        const claims = pluck(join(place.state, 'item-keys.db'), 'SELECT hex(key) FROM item_keys ORDER BY key');
        const truth = { exitCode: outcome.exitCode, items, claims, ...recorded(place.state, 'backfill') };
        rmSync(place.state, { recursive: true });
        return { truth, counts };
      };

    for (const [shape, wanted] of shapes) {
      const truth = await expectNothingForgotten(backfill(shape), wanted);
      expect(truth).toMatchObject({ exitCode: 1, items: { length: ROWS - BAD.length } });

      const { table } = migration;
      await using target = await through();
      const prepared = newFolder(shape);
      const backfilled = { state: prepared, table: table.name, endpoint: target.proxy.endpoint };
      expect(await runOnce(config, 'backfill', backfilled)).toMatchObject({ exitCode: 1 });
      const put = async (Item: Item): Promise<unknown> =>
        await table.client.send(new PutItemCommand({ TableName: table.name, Item }));
      const remove = async (id: number): Promise<unknown> =>
        await table.client.send(new DeleteItemCommand({ TableName: table.name, Key: keyOf(id) }));
      const itemOf = (id: number, meta: number): Item => ({
        ...keyOf(id),
        account: { S: account(id) },
        id: { N: String(id) },
        note: { S: note(id) },
        meta: { M: { id: { N: String(meta) } } },
      });
      for (const id of MISSING) await remove(id);
      for (const id of DIFFERING) await put(itemOf(id, -1));
      for (const id of CORRECTED.slice(0, 1)) await put(itemOf(id, id));
      await query(correct(CORRECTED));
      letLateWriteWindowPass(prepared, ['s01']);

      const verify: Scenario = async (failure) => {
        const place = { ...backfilled, state: newFolder(shape, prepared) };
        const { outcome, counts } = await disturbed(config, 'verify', place, failure);
        if (outcome.verb !== 'verify') throw new Error(`verify reported ${outcome.verb}`);
        const { exitCode, missing, differing, unresolved, suspects, counts: told } = outcome;
        const seen = {
          exitCode,
          missing,
          differing,
          unresolved,
          suspects,
          rows: told.rows,
          items: told.items,
        };
        const open = pluck(join(place.state, 's01.db'), 'SELECT item_key FROM ambiguous_writes');
        const truth = { ...seen, open, ...recorded(place.state, 'verify') };
        rmSync(place.state, { recursive: true });
        return { truth, counts };
      };
      // Of the corrected rows, the one without an item is missing, and stays recorded.
      expect(await expectNothingForgotten(verify, wanted)).toMatchObject({
        missing: MISSING.length + 1,
        differing: DIFFERING.length,
        badRows: { length: BAD.length - 1 },
        rows: ROWS,
        open: [],
      });

      if (shape === 'one') continue;
      // Retries write into one table, so they come one after the other.
      const retry: Scenario = async (failure) => {
        for (const id of BAD) await remove(id);
        target.again();
        const place = { ...backfilled, state: newFolder(shape, prepared) };
        const { outcome, counts } = await disturbed(config, 'retry', place, failure);
        expectHeard(place.state, target);
        const items = inKeyOrder(await table.items());
        const truth = { exitCode: outcome.exitCode, items, ...recorded(place.state, 'backfill') };
        rmSync(place.state, { recursive: true });
        return { truth, counts };
      };
      const oneByOne = pLimit(1);
      const retried = await expectNothingForgotten((failure) => oneByOne(() => retry(failure)), wanted);
      expect(retried).toMatchObject({ exitCode: 1, badRows: { length: BAD.length - CORRECTED.length } });

      for (const id of BAD) await remove(id);
      await query(`UPDATE notes SET meta = 'not JSON' WHERE id IN (${BAD.join()})`);
    }
  });
});
