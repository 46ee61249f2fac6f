/**
 * Backfill and verification of a table that lies in memory, against a target that is a map: what is written, counted,
 * recorded, compared.
 */
import { describe, expect, test } from 'vitest';
import { thisInstant } from '../../../src/core/time/age.js';
import { FerryError } from '../../../src/core/errors.js';
import { SAME } from '../../../src/core/item/found-item.js';
import { type BadRow, type MappedItem, NO_COUNTS, type Row } from '../../../src/core/model.js';
import {
  type ItemReader,
  type ItemWriter,
  NO_TARGET,
  type TargetGuard,
  type WriteReceipt,
} from '../../../src/core/ports/target-ports.js';
import type { ChunkRecord, PassSummary } from '../../../src/core/ports/state-records.js';
import { backfillTable } from '../../../src/engine/backfill.js';
import { BadRowLimit } from '../../../src/engine/pass/bad-row-limit.js';
import { PassProgress } from '../../../src/engine/pass/progress.js';
import { SuspectCheck } from '../../../src/engine/verify/suspect-check.js';
import type { TableJob } from '../../../src/engine/pass/table-job.js';
import { verifyTable } from '../../../src/engine/verify.js';
import { DigestSum } from '../../../src/mapping/item/digest.js';
import {
  EXPIRING,
  mappingOf,
  openPlace,
  passOver,
  type Place,
  replacedAt,
  rowAtHand,
  scannedJob,
} from './rows-at-hand.js';

const NOW = 1_800_000_000;
const mapping = mappingOf();
const good = (id: number): Row => rowAtHand(mapping, id);
const bad = (id: number): Row => rowAtHand(mapping, id, '');
const GAUGES = { unitsConsumed: () => 0, unitsLimit: () => 1, throttles: () => 0, retries: () => 0 };

class Target implements ItemWriter, ItemReader {
  /** Canonical texts by key. */
  readonly items = new Map<string, string>();
  /** Of the keys of items that it refuses. */
  refused = /none/;

  waitForRoom(): Promise<void> {
    return Promise.resolve();
  }

  write(items: readonly MappedItem[]): Promise<WriteReceipt> {
    const isRefused = ({ keyText }: MappedItem): boolean => this.refused.test(keyText);
    const taken = items.filter((item) => !isRefused(item));
    for (const { keyText, text } of taken) this.items.set(keyText, text);
    const written = { items: taken.length, newer: 0, superseded: 0, units: taken.length };
    const fault: BadRow = {
      ...{ cause: 'refused', column: null, kind: 'an item', reason: 'refused by the target', remedy: 'none' },
    };
    const all = items.filter(isRefused).map(({ row }) => ({ row, bad: fault }));
    if (all.length === 0) return Promise.resolve(written);
    return Promise.reject(new FerryError('E_TARGET_REQUEST', 'refused', 'none', { cause: { all, written } }));
  }

  read(items: readonly MappedItem[]): ReturnType<ItemReader['read']> {
    const held = items.map(({ keyText, text }) => {
      const found = this.items.get(keyText) ?? null;
      return found === text ? SAME : found;
    });
    return Promise.resolve({ found: held, units: items.length });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const progressOf = () => new PassProgress('s01', 'messages', 'backfilling', 0, NO_COUNTS, GAUGES);

async function backfill(
  place: Place,
  job: TableJob,
  writer: ItemWriter,
  changes: { allowed?: number; ends?: readonly number[]; guard?: TargetGuard } = {},
): Promise<void> {
  const { allowed = 100, ends = [100], guard = NO_TARGET } = changes;
  const parts = { writer, guard, progress: progressOf(), now: () => NOW };
  await backfillTable(place.context, job, passOver(place, 'backfill', ...ends), {
    ...parts,
    ...{ badRows: new BadRowLimit('s01', allowed, 0), itemKeys: null, shardValues: null },
  });
}

async function verify(
  place: Place,
  job: TableJob,
  reader: ItemReader,
  deletesBy: string | null = null,
  guard = NO_TARGET,
): Promise<PassSummary | null> {
  const look = { deletesBy, seconds: () => NOW };
  await verifyTable(place.context, job, place.store.passes.open('verify', 'messages'), {
    ...{ reader, guard, progress: progressOf(), now: () => NOW },
    ...{ suspects: new SuspectCheck(place.store), lookAtTtl: () => Promise.resolve(look) },
  });
  return place.store.passes.summary('verify', 'messages');
}

/** @returns the records of the chunks that are committed from now on */
function commitsTo({ store }: Place): readonly ChunkRecord[] {
  const committed: ChunkRecord[] = [];
  const commit = store.checkpoints.commit.bind(store);
  store.checkpoints.commit = (pass, chunks, differences) => {
    commit(pass, chunks, differences);
    committed.push(...chunks);
  };
  return committed;
}

describe('backfillTable', () => {
  test('a backfill writes every row’s item, records bad rows before their chunk is done, and reports each once', async () => {
    await using place = await openPlace();
    const target = new Target();
    const job = scannedJob(mapping, [good(1), bad(2), good(3), bad(4), good(5)], 3);
    target.refused = /000003/;
    await backfill(place, job, target);
    expect(target.items.size).toBe(2);
    const recorded = place.store.badRows.list('messages').map(({ cursor, reason }) => [cursor, reason]);
    const unmappable = expect.stringMatching(/empty/) as string;
    expect(recorded.sort()).toEqual([
      ['2', unmappable],
      ['3', 'refused by the target'],
      ['4', unmappable],
    ]);
    const said = place.events.filter(({ name }) => name === 'row.rejected').map(({ payload }) => payload);
    expect(said).toMatchObject([{ reason: unmappable }, { reason: 'refused by the target' }, { reason: unmappable }]);
    expect(said.length).toBe(3);
    expect(place.store.passes.summary('backfill', 'messages')?.counts).toMatchObject({ rows: 5, items: 2, badRows: 3 });
  });

  test('a backfill ends on more bad rows than are allowed, and records them all the same', async () => {
    await using place = await openPlace();
    const run = backfill(place, scannedJob(mapping, [bad(1), bad(2)], 2), new Target(), { allowed: 1 });
    await expect(run).rejects.toMatchObject({ code: 'E_BAD_ROWS' });
    expect(place.store.badRows.list('messages').length).toBe(2);
    expect(place.store.passes.summary('backfill', 'messages')?.counts).toMatchObject({ rows: 0, badRows: 0 });
  });

  test('a backfill maps and writes a row only once the writer has room', async () => {
    await using place = await openPlace();
    const target = new Target();
    let room = (): void => undefined;
    target.waitForRoom = () => new Promise((resolve) => (room = resolve));
    const run = backfill(place, scannedJob(mapping, [good(1), bad(2)], 2), target);
    for (let i = 0; i < 5; i += 1) await new Promise(setImmediate);
    expect([target.items.size, place.store.badRows.list('messages').length]).toEqual([0, 0]);
    room();
    await run;
    expect([target.items.size, place.store.badRows.list('messages').length]).toEqual([1, 1]);
  });

  test('a backfill writes nothing of a chunk whose writer fails while the chunk waits', async () => {
    await using place = await openPlace();
    const target = new Target();
    target.waitForRoom = () => Promise.reject(new Error('no such table'));
    await expect(backfill(place, scannedJob(mapping, [good(1)], 1), target)).rejects.toThrow('no such table');
    expect(target.items.size).toBe(0);
  });

  test('a backfill writes nothing at a stop while it claims an item key', async () => {
    await using place = await openPlace();
    const target = new Target();
    const halt = new AbortController();
    const itemKeys = {
      claim: () => {
        halt.abort();
        return Promise.resolve([]);
      },
      transfer: () => Promise.resolve(false),
      holder: () => null,
      close: () => undefined,
    };
    const context = { ...place.context, signal: halt.signal };
    const pass = passOver(place, 'backfill', 9);
    const run = backfillTable(context, scannedJob(mapping, [good(1)], 1), pass, {
      ...{ writer: target, guard: NO_TARGET, progress: progressOf(), now: () => NOW },
      ...{ badRows: new BadRowLimit('s01', 0, 0), itemKeys, shardValues: null },
    });
    await expect(run).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    expect(target.items.size).toBe(0);
  });
});

describe('a replaced target', () => {
  const rows = [1, 2, 3].map(good);

  test('a backfill finds a replaced target at a checkpoint, and does not record what came since', async () => {
    await using place = await openPlace();
    const [target, job] = [new Target(), scannedJob(mapping, rows, 1)];
    const run = backfill(place, job, target, { guard: replacedAt(2) });
    await expect(run).rejects.toMatchObject({ code: 'E_TARGET_GONE' });
    expect(place.store.passes.summary('backfill', 'messages')?.counts.rows).toBeLessThan(2);
    const compared = verify(place, job, target, null, replacedAt(2));
    await expect(compared).rejects.toMatchObject({ code: 'E_TARGET_GONE' });
    expect(place.store.passes.summary('verify', 'messages')?.counts.rows).toBeLessThan(2);
  });

  test('a backfill finds a replaced target at the end, and is not finished', async () => {
    await using place = await openPlace();
    const [target, job] = [new Target(), scannedJob(mapping, rows, 1)];
    const run = backfill(place, job, target, { guard: replacedAt(Infinity) });
    await expect(run).rejects.toMatchObject({ code: 'E_TARGET_GONE' });
    expect(place.store.passes.summary('backfill', 'messages')?.pass.finishedAt).toBeNull();
    const compared = verify(place, job, target, null, replacedAt(Infinity));
    await expect(compared).rejects.toMatchObject({ code: 'E_TARGET_GONE' });
    expect(place.store.passes.summary('verify', 'messages')?.pass.finishedAt).toBeNull();
  });
});

describe('verifyTable', () => {
  test('a verification compares rows behind the plan’s end too, and rows behind another range’s end only once', async () => {
    await using place = await openPlace();
    const target = new Target();
    const rows = [1, 2, 3, 4].map(good);
    const job = scannedJob(mapping, rows, 1);
    await backfill(place, job, target, { ends: [2, 4] });
    expect((await verify(place, job, target))?.counts).toMatchObject({ rows: 4, items: 4 });
    rows.push(good(9));
    const found = await verify(place, job, target);
    expect(found).toMatchObject({ counts: { rows: 5, items: 4 }, missing: 1, differing: 0 });
  });

  test('a verification counts missing, differing and deleted items apart, with the sums of both sides', async () => {
    await using place = await openPlace();
    const expiring = mappingOf({ ttl: { ...EXPIRING, expired: 'keep' } });
    const at = (id: number, seconds: number | null): Row => rowAtHand(expiring, id, 'x', seconds);
    // 1 is as it should be, 2 differs, 3 is missing, 4 was deleted by TTL, 5 cannot have been: its time is not over.
    const job = scannedJob(expiring, [at(1, null), at(2, null), at(3, null), at(4, NOW - 1), at(5, NOW + 1)], 5);
    const target = new Target();
    await backfill(place, job, target);
    const [one = '', two = '', three = '', four = '', five = ''] = [...target.items.keys()];
    const texts = [...target.items.values()];
    target.items.set(two, texts[1]?.replace('"n":{"S":"x"}', '"n":{"S":"y"}') ?? '');
    for (const key of [three, four, five]) target.items.delete(key);
    const committed = commitsTo(place);
    const found = await verify(place, job, target, 'at');
    expect(found).toMatchObject({
      counts: { rows: 5, items: 2, expiredItems: 1, badRows: 0, expiredRows: 0 },
      ...{ missing: 2, differing: 1, unresolved: 0 },
    });
    const sumOf = (items: Iterable<string>): string => {
      const sum = new DigestSum();
      for (const text of items) sum.add(text);
      return sum.toString();
    };
    expect(committed).toMatchObject([
      {
        sourceDigest: sumOf(texts.filter((_, index) => index !== 3)),
        targetDigest: sumOf(target.items.values()),
      },
    ]);
    const said = place.events.filter(({ name }) => name === 'difference.found').map(({ payload }) => payload);
    expect(said).toMatchObject([
      { class: 'differing', attributes: ['n'] },
      { class: 'missing', attributes: [] },
      { class: 'missing', attributes: [] },
    ]);
    expect([one, target.items.size]).toEqual([expect.stringContaining('000001'), 2]);
  });

  test('a verification never takes an absent item for deleted by TTL where its row was left behind', async () => {
    await using place = await openPlace();
    const expiring = mappingOf({ ttl: { ...EXPIRING, expired: 'keep' } });
    const rows = [rowAtHand(expiring, 1, '', NOW - 1), rowAtHand(expiring, 2, 'x', NOW - 1)];
    const job = scannedJob(expiring, rows, 2);
    const target = new Target();
    await backfill(place, job, target);
    rows[0] = rowAtHand(expiring, 1, 'x', NOW - 1);
    target.items.clear();
    const found = await verify(place, job, target, 'at');
    expect(found).toMatchObject({ counts: { items: 0, expiredItems: 1 }, missing: 1 });
  });

  test('a verification dates a comparison by the SELECT of its rows', async () => {
    await using place = await openPlace();
    const target = new Target();
    const job = scannedJob(mapping, [good(1)], 1);
    await backfill(place, job, target);
    const scan = job.source.scan.bind(job.source);
    const readAt = { wall: 1_700_000_000_000, monotonic: thisInstant().monotonic - 60_000 };
    job.source.scan = async function* (...args) {
      for await (const chunk of scan(...args)) yield { ...chunk, readAt };
    };
    const before = place.store.clock.now();
    const committed = commitsTo(place);
    await verify(place, job, target);
    const compared = committed[0]?.comparedAt;
    expect(compared?.at).toBe(readAt.wall);
    // By the clock that says more: the wall clock says years.
    expect(compared?.steady).toBeLessThan(before - 60_000);
  });
});
