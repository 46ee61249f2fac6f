/**
 * A row whose scan key is changed while its table is read comes twice, and is one row all the same: it does not stop
 * the run, and the newer reading is what the target has in the end. Two rows that share an item key are told apart from
 * it, and still stop the run.
 */
import { describe, expect, it, vi } from 'vitest';
import type { RowChunk } from '../../../src/core/row-block.js';
import type { RowSource } from '../../../src/core/ports/source-ports.js';
import { DiscardingWriter } from '../../../src/engine/discarding-writer.js';
import { onePair, type Servers } from '../../support/migration.js';
import { rule } from '../../unit/mapping/tables.js';
import { cursor, openTableWork, withSource, type TableWork, type TableWorkOptions } from './table-work.js';

const ROWS = 30;
/** Numbered by tens. The schema does not prove `{a}{b}` unique, and proves `{a:hex}#{b:hex}`. */
const SQL = [
  'CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(10) NOT NULL, b VARCHAR(10) NOT NULL, n INT NOT NULL, UNIQUE KEY (a, b))',
  `INSERT INTO t VALUES ${Array.from({ length: ROWS }, (_, i) => `(${(i + 1) * 10}, 'a${i + 1}', 'b', 0)`).join()}`,
];
const ATTRIBUTES = { attributes: { columns: ['id', 'n'] } } as const;
const UNPROVEN = rule('T', '{a}{b}', ATTRIBUTES);
const PROVEN = rule('T', '{a:hex}#{b:hex}', ATTRIBUTES);
/** The first row, to near the table's end. */
const MOVE = 'UPDATE t SET id = 295, n = 1 WHERE id = 10';

const open = (servers: Servers, options: Partial<TableWorkOptions> = {}): Promise<TableWork> =>
  openTableWork({ servers, sql: SQL, items: [UNPROVEN], chunkRows: 3, ...options });

/**
 * Does something once the first chunk of the first range was read, before it is given on; that chunk may be held back
 * until a promise.
 */
function afterFirstChunk(
  { job }: TableWork,
  action: () => Promise<unknown>,
  heldUntil: (others: Promise<void>) => Promise<void> = () => Promise.resolve(),
): { readonly job: TableWork['job'] } {
  let acted: () => void = () => undefined;
  let ended: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (acted = resolve));
  const others = new Promise<void>((resolve) => (ended = resolve));
  const scan: RowSource['scan'] = async function* (range, after, signal): AsyncIterable<RowChunk> {
    if (range.index > 0) await done;
    let first = range.index === 0;
    for await (const chunk of job.source.scan(range, after, signal)) {
      if (first) {
        await action();
        acted();
        await heldUntil(others);
      }
      first = false;
      yield chunk;
    }
    // Asked for more, the last chunk was taken in.
    if (range.index > 0) ended();
  };
  return { job: withSource(job, { scan }) };
}

/** Nothing is sent for some seconds: what is written waits in the queue. */
function inDebt({ target: { budget } }: TableWork): void {
  budget.setLimit(100);
  expect(budget.tryTake(500)).toBe(true);
}

/** Two ranges, of which the first row is in the first, and its new place in the second. */
function inTwoRanges({ store }: TableWork): void {
  const ends = [null, cursor('100'), cursor('300')] as const;
  const ranges = [0, 1].map((index) => ({
    index,
    after: ends[index] ?? null,
    upTo: ends[index + 1] ?? null,
    estimatedRows: 1,
  }));
  store.plans.save({ table: 't', scanKey: 'PRIMARY', position: null, ranges, plannedAt: Date.now() });
}

const moved = { n: '1', id: '295' };
const PATIENCE = { timeout: 20_000, interval: 50 };

describe.each(onePair)('a row that moves in mid-scan: $name', { timeout: 60_000 }, (servers) => {
  it('a row that moves in mid-scan is one row to the key register, which transfers its claim', async () => {
    await using work = await open(servers);
    await work.backfill({ ...afterFirstChunk(work, () => work.database.query(MOVE)), itemKeys: work.register });
    const items = await work.items();
    expect(items.length).toBe(ROWS);
    expect(items.find(({ sk }) => sk === 'a1b')).toMatchObject(moved);
    expect(work.store.badRows.list('t')).toEqual([]);
    const keyText = '{"pk":{"S":"T"},"sk":{"S":"a1b"}}';
    const owner = { shard: 's01', table: 't' };
    expect(await work.register.claim(owner, [{ claim: keyText, cursor: cursor('295') }])).toEqual([]);
    expect(await work.register.claim(owner, [{ claim: keyText, cursor: cursor('10') }])).toMatchObject([
      { cursor: cursor('295') },
    ]);
  });

  it('a row that moves in mid-scan is one row, also where another row took its place or it was inserted again', async () => {
    await using work = await open(servers);
    const again = async (): Promise<void> => {
      await work.database.query(MOVE);
      await work.database.query("INSERT INTO t VALUES (10, 'other', 'b', 0)");
      await work.database.query('DELETE FROM t WHERE id = 20');
      await work.database.query("INSERT INTO t VALUES (296, 'a2', 'b', 2)");
    };
    await work.backfill({ ...afterFirstChunk(work, again), itemKeys: work.register });
    const items = await work.items();
    expect(items.find(({ sk }) => sk === 'a1b')).toMatchObject(moved);
    expect(items.find(({ sk }) => sk === 'a2b')).toMatchObject({ n: '2', id: '296' });
    expect(work.store.badRows.list('t')).toEqual([]);
  });

  it('a row that an earlier run claimed without a commit is the same row after it moved', async () => {
    await using work = await open(servers);
    const keyText = '{"pk":{"S":"T"},"sk":{"S":"a1b"}}';
    await work.register.claim({ shard: 's01', table: 't' }, [{ claim: keyText, cursor: cursor('10') }]);
    await work.database.query('UPDATE t SET id = 11 WHERE id = 10');
    await work.backfill({ itemKeys: work.register });
    expect((await work.items()).find(({ sk }) => sk === 'a1b')).toMatchObject({ id: '11' });
    expect(work.store.badRows.list('t')).toEqual([]);
  });

  it.each([
    { to: 'the register', items: [UNPROVEN], sk: 'a1b', registered: true },
    { to: "the writer's queue", items: [PROVEN], sk: '6131#62', registered: false },
  ])(
    'the newer reading of a row that moves in mid-scan stays, also where it reaches $to before the older one',
    async ({ items, sk, registered }) => {
      await using work = await open(servers, { items, chunkRows: 100 });
      inTwoRanges(work);
      if (!registered) inDebt(work);
      const late = afterFirstChunk(
        work,
        () => work.database.query(MOVE),
        async (others) => {
          await others;
          // Acknowledged, it is known to the register alone.
          if (registered)
            await vi.waitUntil(async () => (await work.items()).some(({ id }) => id === moved.id), PATIENCE);
        },
      );
      await work.backfill({ ...late, itemKeys: registered ? work.register : null });
      const stored = await work.items();
      expect(stored.find((item) => item['sk'] === sk)).toMatchObject(moved);
      expect(stored.length).toBe(ROWS);
      expect(work.store.badRows.list('t')).toEqual([]);
      // The reading that was left out is a row of its chunk, and no item.
      expect(work.store.passes.summary('backfill', 't')?.counts).toMatchObject({
        rows: ROWS + 1,
        items: ROWS,
        badRows: 0,
      });
    },
  );

  it.each([
    { sort: 'proven to be its own', items: [PROVEN], sk: '6131#62', registered: false },
    { sort: 'registered', items: [UNPROVEN], sk: 'a1b', registered: true },
  ])('the newer reading of a row that moves in mid-scan is written last, if its item key is $sort', async (how) => {
    await using work = await open(servers, { items: how.items, chunkRows: 100 });
    inTwoRanges(work);
    inDebt(work);
    const moving = afterFirstChunk(work, () => work.database.query(MOVE));
    await work.backfill({ ...moving, itemKeys: how.registered ? work.register : null });
    const stored = await work.items();
    expect(stored.find(({ sk }) => sk === how.sk)).toMatchObject(moved);
    expect(stored.length).toBe(ROWS);
    expect(work.store.badRows.list('t')).toEqual([]);
    expect(work.store.passes.summary('backfill', 't')?.pass.finishedAt).not.toBeNull();
  });
});

describe.each(onePair)('two rows that share an item key: $name', { timeout: 60_000 }, (servers) => {
  const TWIN = "INSERT INTO t VALUES (299, 'a', '1b', 0)";

  it.each([
    { where: 'in the register', registered: true },
    { where: 'in the writer’s queue', registered: false },
  ])('two rows that share an item key stop the run $where, and both are named', async ({ registered }) => {
    await using work = await open(servers, { sql: [...SQL, TWIN], chunkRows: 100 });
    inTwoRanges(work);
    inDebt(work);
    await expect(work.backfill({ itemKeys: registered ? work.register : null })).rejects.toMatchObject({
      code: 'E_ITEM_KEY_SHARED',
      message: 'shard s01: two rows of table t map to one item key; the second was not written',
    });
    expect(work.store.badRows.list('t').map((bad) => bad.cursor)).toEqual([cursor('10'), cursor('299')]);
  });

  it('two rows that share an item key stop the run, also where the first one has moved and still exists', async () => {
    await using work = await open(servers, { sql: [...SQL, TWIN] });
    const moving = afterFirstChunk(work, () => work.database.query('UPDATE t SET id = 295 WHERE id = 10'));
    await expect(work.backfill({ ...moving, itemKeys: work.register })).rejects.toMatchObject({
      code: 'E_ITEM_KEY_SHARED',
    });
    expect(work.store.badRows.list('t').map((bad) => bad.cursor)).toEqual([cursor('295'), cursor('299')]);
    // The alarm that was none is not among them: what is recorded goes with the next run, which finds them anew.
    await work.database.query('DELETE FROM t WHERE id = 299');
    await work.backfill({ itemKeys: work.register, writer: new DiscardingWriter() });
    expect(work.store.badRows.list('t')).toEqual([]);
  });
});
