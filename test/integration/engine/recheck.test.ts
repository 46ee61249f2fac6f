/**
 * What becomes of a row between two reads: it is equal by then, it differs still, it keeps changing, it is gone, it has
 * another item key, it has become bad, or it has expired. It always comes to something, and to one thing.
 */
import { describe, expect, it } from 'vitest';
import type { MappedItem } from '../../../src/core/model.js';
import type { ItemReader } from '../../../src/core/ports/target-ports.js';
import { confirmDifferences, type Confirmed } from '../../../src/engine/verify/confirm-differences.js';
import { TtlDeletions } from '../../../src/engine/verify/ttl-deletions.js';
import { onePair, type Servers } from '../../support/migration.js';
import { rule } from '../../unit/mapping/tables.js';
import { allRows, altered, cursor, openTableWork, signal, type TableWork, withSource } from './table-work.js';

/** No number of DynamoDB's has so many digits. */
const TOO_LONG = '9'.repeat(40);
const SQL = [
  'CREATE TABLE t (id INT PRIMARY KEY, k VARCHAR(20) NOT NULL, n DECIMAL(60) NOT NULL, at DATETIME NOT NULL)',
  "INSERT INTO t VALUES (1, 'k1', 1, '2100-01-01'), (2, 'k2', 2, '2100-01-01')",
];
const NUMBER = { name: null, type: 'N', format: null, null: 'absent' } as const;
const ITEM = rule('T', '{k}', {
  attributes: { columns: ['id', 'n'], rules: { n: NUMBER } },
  ttl: { attribute: 'ttl', column: 'at', retentionSeconds: 0, expired: 'skip' },
});

/** Another item of the same row. */
const SECOND = rule('U', '{id:pad(1)}', { attributes: ITEM.attributes });

const open = (servers: Servers, readWhole = false, items = [ITEM]): Promise<TableWork> =>
  openTableWork({ servers, sql: SQL, items, readWhole });

const NOW = 4_000_000_000;
/** TTL is off: whatever is absent is missing. */
const NO_TTL = new TtlDeletions({ deletesBy: null, seconds: () => NOW }, NOW);

interface First {
  readonly items: readonly MappedItem[];
}

/** As the chunk reads first. */
async function firstReading({ job }: TableWork): Promise<First> {
  const items: MappedItem[] = [];
  for (const row of await allRows(job)) job.mapping.map(row, items, { now: NOW });
  return { items };
}

/** @param looks what happens between the reading of the rows and that of the items, look by look */
async function confirm(
  work: TableWork,
  first: First,
  ...looks: readonly (() => Promise<unknown>)[]
): Promise<Confirmed & { readonly reads: number }> {
  let reads = 0;
  const read: ItemReader['read'] = async (items, abort) => {
    await looks[reads++]?.();
    return await work.target.reader.read(items, abort);
  };
  const reader = altered(work.target.reader, { read });
  const found = await confirmDifferences(work.job, { ...first, last: cursor('last') }, reader, NO_TTL, NOW, signal);
  return { ...found, reads };
}

/** Puts the items of the rows as they are now. */
async function store(work: TableWork): Promise<void> {
  await work.target.writer.write((await firstReading(work)).items);
}

const key = (k: string): string => `{"pk":{"S":"T"},"sk":{"S":"${k}"}}`;
const NOTHING = { differences: [], badRows: [], newer: [], expiredRows: 0 };

describe.each(onePair)('a difference looked at again: $name', { timeout: 60_000 }, (servers) => {
  it('a recheck counts a difference where the row is unchanged and the item still differs', async () => {
    await using work = await open(servers);
    const first = await firstReading(work);
    expect(await confirm(work, first)).toMatchObject({
      differences: [
        { class: 'missing', keyText: key('k1'), cursor: cursor('1') },
        { class: 'missing', keyText: key('k2'), cursor: cursor('2') },
      ],
      reads: 1,
    });
  });

  it('a recheck finds no difference where the row has changed and the item matches it now', async () => {
    await using work = await open(servers);
    const first = await firstReading(work);
    await work.database.query('UPDATE t SET n = 7');
    await store(work);
    expect(await confirm(work, first)).toMatchObject(NOTHING);
  });

  it('a recheck finds no difference where the row has changed and the item follows a little later', async () => {
    await using work = await open(servers);
    const first = await firstReading(work);
    await work.database.query('UPDATE t SET n = 7');
    const found = await confirm(
      work,
      first,
      () => Promise.resolve(),
      () => store(work),
    );
    expect(found).toMatchObject({ ...NOTHING, reads: 2 });
  });

  it('a recheck counts a difference where the row has changed once and the item does not follow', async () => {
    await using work = await open(servers);
    await store(work);
    await work.database.query('UPDATE t SET n = 7 WHERE id = 1');
    const first = { items: (await firstReading(work)).items.slice(0, 1) };
    await work.database.query('UPDATE t SET n = 8 WHERE id = 1');
    expect(await confirm(work, first)).toMatchObject({
      differences: [{ class: 'differing', keyText: key('k1'), attributes: ['n'] }],
      reads: 2,
    });
  });

  it('a recheck reports a row that keeps changing as unresolved', async () => {
    await using work = await open(servers);
    const first = { items: (await firstReading(work)).items.slice(0, 1) };
    const change = (): Promise<unknown> => work.database.query('UPDATE t SET n = n + 1');
    await change();
    expect(await confirm(work, first, change, change, change)).toMatchObject({
      differences: [{ class: 'unresolved', keyText: key('k1'), cursor: cursor('1') }],
      reads: 3,
    });
  });

  it('a recheck finds no difference for a deleted row, but an unresolved one where the table has no key', async () => {
    await using keyed = await open(servers);
    const first = await firstReading(keyed);
    await keyed.database.query('DELETE FROM t WHERE id = 1');
    expect((await confirm(keyed, first)).differences.map(({ keyText }) => keyText)).toEqual([key('k2')]);

    await using whole = await open(servers, true);
    const unkeyed = await firstReading(whole);
    await whole.database.query('DELETE FROM t WHERE id = 1');
    expect(await confirm(whole, unkeyed)).toMatchObject({
      differences: [
        { class: 'unresolved', keyText: key('k1') },
        { class: 'missing', keyText: key('k2') },
      ],
    });
  });

  it('a recheck looks for the item at the new item key of a changed row', async () => {
    await using work = await open(servers);
    const first = { items: (await firstReading(work)).items.slice(0, 1) };
    await work.database.query("UPDATE t SET k = 'new' WHERE id = 1");
    expect(await confirm(work, first)).toMatchObject({
      differences: [{ class: 'missing', keyText: key('new'), cursor: cursor('1') }],
    });
    await store(work);
    expect(await confirm(work, first)).toMatchObject(NOTHING);
  });

  it('a recheck records a row that has become bad, and compares its neighbours', async () => {
    await using work = await open(servers);
    const first = await firstReading(work);
    await work.database.query(`UPDATE t SET n = ${TOO_LONG} WHERE id = 1`);
    expect(await confirm(work, first)).toMatchObject({
      differences: [{ class: 'missing', keyText: key('k2') }],
      badRows: [{ cursor: cursor('1'), column: 'n', reason: 'more than 38 significant digits', chunk: cursor('last') }],
    });
  });

  it('a recheck counts a row that has expired since as an expired row', async () => {
    await using work = await open(servers);
    const first = await firstReading(work);
    await store(work);
    await work.database.query("UPDATE t SET at = '2000-01-01' WHERE id = 1");
    expect(await confirm(work, first)).toMatchObject({ differences: [], badRows: [], expiredRows: 1 });
  });
});

describe.each(onePair)('several items of one row looked at again: $name', { timeout: 60_000 }, (servers) => {
  const second = '{"pk":{"S":"U"},"sk":{"S":"1"}}';
  const itemsOfFirst = async (work: TableWork): Promise<First> => ({
    items: (await firstReading(work)).items.slice(0, 2),
  });

  it('a recheck counts each item of a row once where the key of one of them changed', async () => {
    await using work = await open(servers, false, [ITEM, SECOND]);
    const first = await itemsOfFirst(work);
    await work.database.query("UPDATE t SET k = 'new' WHERE id = 1");
    const { differences } = await confirm(work, first);
    expect(differences.map(({ keyText }) => keyText).sort()).toEqual([key('new'), second]);
  });

  it('a recheck counts each item of a row once where the keys of both changed', async () => {
    const THIRD = rule('V', '{k}', { attributes: ITEM.attributes });
    await using work = await open(servers, false, [ITEM, THIRD]);
    const first = await itemsOfFirst(work);
    const change = (n: number) => (): Promise<unknown> =>
      work.database.query(`UPDATE t SET k = 'new${n}', n = ${n} WHERE id = 1`);
    await change(0)();
    const { differences } = await confirm(work, first, change(1), change(2), change(3));
    expect(differences.map(({ keyText }) => keyText)).toEqual([key('new2'), key('new2').replace('"T"', '"V"')]);
  });

  it('a recheck does not count an item as seen that the first read saw already', async () => {
    await using work = await open(servers, false, [ITEM, SECOND]);
    await store(work);
    const first = await itemsOfFirst(work);
    await work.database.query("UPDATE t SET k = 'new' WHERE id = 1");
    // Its second item is equal, and so no candidate.
    expect((await confirm(work, { items: first.items.slice(0, 1) })).seen).toEqual(new Set());
  });
});

describe.each(onePair)('a verification meanwhile: $name', { timeout: 60_000 }, (servers) => {
  it('a verification counts and records a row that becomes bad between its two reads', async () => {
    await using work = await open(servers);
    await work.backfill();
    await work.database.query('UPDATE t SET n = 9 WHERE id = 1');
    let reads = 0;
    const read: ItemReader['read'] = async (items, abort) => {
      const found = await work.target.reader.read(items, abort);
      if (reads++ === 0) await work.database.query(`UPDATE t SET n = ${TOO_LONG} WHERE id = 1`);
      return found;
    };
    await work.verify({ reader: altered(work.target.reader, { read }) });
    const summary = work.store.passes.summary('verify', 't');
    expect(summary).toMatchObject({ counts: { rows: 2, badRows: 1 }, missing: 0, differing: 0, unresolved: 0 });
    expect(work.store.badRows.list('t')).toMatchObject([{ cursor: cursor('1'), column: 'n' }]);
  });

  it('a verification counts a row that was bad at its first read as bad, and reads it only once', async () => {
    await using work = await open(servers);
    await work.database.query(`UPDATE t SET n = ${TOO_LONG}`);
    await work.backfill();
    const never = (): Promise<never> => Promise.reject(new Error('they were read a second time'));
    await work.verify({ job: withSource(work.job, { at: never }) });
    expect(work.store.passes.summary('verify', 't')).toMatchObject({ counts: { rows: 2, badRows: 2 }, missing: 0 });
    await work.database.query('UPDATE t SET n = 3');
    await store(work);
    await work.verify();
    expect(work.store.passes.summary('verify', 't')).toMatchObject({ counts: { items: 2, badRows: 0 }, missing: 0 });
    expect(work.store.badRows.list('t')).toEqual([]);
  });

  it('a verification reports the item of a mended bad row as missing, though TTL is on and the item is expired', async () => {
    const kept = rule('T', '{k}', {
      attributes: ITEM.attributes,
      ttl: { attribute: 'ttl', column: 'at', retentionSeconds: 0, expired: 'keep' },
    });
    await using work = await open(servers, false, [kept]);
    await work.database.query(`UPDATE t SET n = ${TOO_LONG}, at = NOW() - INTERVAL 2 DAY WHERE id = 1`);
    await work.backfill();
    await work.database.query('UPDATE t SET n = 3 WHERE id = 1');
    await work.verify({ deletesBy: 'ttl' });
    expect(work.store.passes.summary('verify', 't')).toMatchObject({
      missing: 1,
      counts: { items: 1, expiredItems: 0 },
    });
    // It stays what `--retry-bad` goes by.
    expect(work.store.badRows.list('t')).toMatchObject([{ cursor: cursor('1') }]);
  });
});
