/**
 * What one further look makes of a difference, case by case; what several looks make of it,
 * test/integration/engine/recheck.test.ts.
 */
import { describe, expect, test } from 'vitest';
import { FerryError } from '../../../../src/core/errors.js';
import { SAME, type FoundItem } from '../../../../src/core/item/found-item.js';
import type { MappedItem, Row } from '../../../../src/core/model.js';
import type { ItemReader } from '../../../../src/core/ports/target-ports.js';
import { confirmDifferences, type Confirmed } from '../../../../src/engine/verify/confirm-differences.js';
import { TtlDeletions } from '../../../../src/engine/verify/ttl-deletions.js';
import { cursorOf, EXPIRING, mappingOf, rowAtHand, scannedJob } from '../rows-at-hand.js';

const NOW = 1_800_000_000;
const signal = new AbortController().signal;
const plain = mappingOf({ ttl: EXPIRING });
const versioned = Object.assign(Object.create(plain) as typeof plain, { version: 'n' });

/** @param deletesBy the attribute that TTL goes by @param held at the key of an item; null: nothing is there */
async function looked(
  before: Row,
  after: readonly Row[],
  held: (item: MappedItem) => FoundItem,
  { mapping = plain, deletesBy = null as string | null, readWhole = false } = {},
): Promise<Confirmed & { readonly asked: readonly string[] }> {
  const scanned = scannedJob(mapping, after, 10);
  const job = readWhole ? { ...scanned, scanKey: null } : scanned;
  const items: MappedItem[] = [];
  mapping.map(before, items, { now: NOW - 10 });
  const asked: string[] = [];
  const reader: ItemReader = {
    read: (wanted) => {
      asked.push(...wanted.map(({ keyText }) => keyText));
      return Promise.resolve({ found: wanted.map(held), units: 0 });
    },
    close: () => Promise.resolve(),
  };
  const deletions = new TtlDeletions({ deletesBy, seconds: () => NOW }, NOW - 100);
  const found = await confirmDifferences(job, { items, last: cursorOf(9) }, reader, deletions, NOW, signal);
  return { ...found, asked };
}

const row = (n = 'x', at: number | null = null): Row => rowAtHand(plain, 1, n, at);
const key = (n: string): string => `{"pk":{"S":"${n}"},"sk":{"S":"000001"}}`;
/** The item with another value than the row's. */
const other =
  (n: string) =>
  (item: MappedItem): FoundItem =>
    item.text.replace('"n":{"S":"x"}', `"n":{"S":"${n}"}`);
const nothing = (): FoundItem => null;
const same = (): FoundItem => SAME;

const NONE = { differences: [], newer: [], expired: [], badRows: [], expiredRows: 0, seen: new Set<string>() };

describe('confirmDifferences', () => {
  test('confirmDifferences reads nothing where no difference is left to look at', async () => {
    const job = scannedJob(plain, [], 1);
    job.source.at = () => Promise.reject(new Error('asked'));
    const reader = { read: () => Promise.reject(new Error('asked')), close: () => Promise.resolve() };
    const deletions = new TtlDeletions({ deletesBy: null, seconds: () => NOW }, NOW);
    const found = await confirmDifferences(job, { items: [], last: cursorOf(9) }, reader, deletions, NOW, signal);
    expect(found).toEqual(NONE);
  });

  test('confirmDifferences finds for an unchanged row that its item is missing, differs, or is equal by now', async () => {
    const record = { keyText: key('x'), cursor: '1' };
    const missing = await looked(row(), [row()], nothing);
    expect(missing).toEqual({
      ...NONE,
      differences: [{ ...record, class: 'missing', attributes: [] }],
      asked: [key('x')],
    });
    const differing = await looked(row(), [row()], other('w'));
    expect(differing).toEqual({
      ...NONE,
      differences: [{ ...record, class: 'differing', attributes: ['n'] }],
      ...{ asked: [key('x')], seen: new Set([key('x')]) },
    });
    expect(await looked(row(), [row()], same)).toEqual({ ...NONE, asked: [key('x')], seen: new Set([key('x')]) });
  });

  test('confirmDifferences finds an item newer by its version alone, and then no difference', async () => {
    const seen = new Set([key('x')]);
    const newer = await looked(row(), [row()], other('y'), { mapping: versioned });
    expect(newer).toEqual({ ...NONE, newer: [key('x')], asked: [key('x')], seen });
    const older = await looked(row(), [row()], other('w'), { mapping: versioned });
    expect(older).toMatchObject({ newer: [], differences: [{ class: 'differing' }] });
  });

  test('confirmDifferences finds an item that TTL may have deleted neither missing nor newer', async () => {
    const [before, after] = [row('x', NOW - 1), [row('x', NOW - 1)]];
    const keeping = mappingOf({ ttl: { ...EXPIRING, expired: 'keep' } });
    const found = await looked(before, after, nothing, { mapping: keeping, deletesBy: 'at' });
    expect(found).toEqual({ ...NONE, expired: [key('x')], asked: [key('x')] });
  });

  test('confirmDifferences finds no difference for a row that became bad, expired or is gone', async () => {
    const bad = await looked(row(), [row('')], nothing);
    expect(bad).toMatchObject({ ...NONE, badRows: [{ cursor: '1', key: 'id=1', chunk: '9' }], asked: [] });
    const expired = await looked(row(), [row('x', NOW - 1)], nothing);
    expect(expired).toEqual({ ...NONE, expiredRows: 1, asked: [] });
    expect(await looked(row(), [], nothing)).toEqual({ ...NONE, asked: [] });
  });

  test('confirmDifferences takes a row without a key as unresolved where it is not there as it was', async () => {
    expect(await looked(row(), [], nothing, { readWhole: true })).toEqual({
      ...NONE,
      differences: [{ class: 'unresolved', keyText: key('x'), cursor: '1', attributes: [] }],
      asked: [],
    });
  });

  test('confirmDifferences compares a row whose item key changed at the new one', async () => {
    expect(await looked(row(), [row('z')], same)).toEqual({
      ...NONE,
      ...{ asked: [key('z')], seen: new Set([key('z')]) },
    });
    // It differs at the second look too, and is as it was then.
    expect(await looked(row(), [row('z')], nothing)).toEqual({
      ...NONE,
      differences: [{ class: 'missing', keyText: key('z'), cursor: '1', attributes: [] }],
      asked: [key('z'), key('z')],
    });
  });

  test('confirmDifferences looks in parts at rows that are too large together, and at each item once', async () => {
    const ids = [1, 2, 3, 4, 5];
    const rows = ids.map((id) => rowAtHand(plain, id, 'x'));
    const job = scannedJob(plain, rows, 10);
    const asked: number[] = [];
    const together = job.source.at.bind(job.source);
    job.source.at = async (wanted, abort) => {
      asked.push(wanted.length);
      if (wanted.length > 1) throw new FerryError('E_ROW_TOO_LARGE', 'together', '');
      return await together(wanted, abort);
    };
    const items: MappedItem[] = [];
    for (const each of rows) plain.map(each, items, { now: NOW });
    // As if each row mapped to two items.
    const twice = [...items, ...items];
    const read: ItemReader['read'] = (wanted) => Promise.resolve({ found: wanted.map(nothing), units: 0 });
    const reader = { read, close: () => Promise.resolve() };
    const deletions = new TtlDeletions({ deletesBy: null, seconds: () => NOW }, NOW);
    const { differences } = await confirmDifferences(
      job,
      { items: twice, last: cursorOf(9) },
      reader,
      deletions,
      NOW,
      signal,
    );
    expect(differences.map(({ cursor }) => Number(cursor))).toEqual(ids);
    expect(asked).toEqual([5, 3, 2, 1, 1, 1, 2, 1, 1]);

    job.source.at = () => Promise.reject(new FerryError('E_ROW_TOO_LARGE', 'alone', ''));
    const alone = confirmDifferences(job, { items, last: cursorOf(9) }, reader, deletions, NOW, signal);
    await expect(alone).rejects.toMatchObject({ code: 'E_ROW_TOO_LARGE', message: 'alone' });
  });

  test('confirmDifferences throws an error that is not a bad value, and ends at a stop', async () => {
    const broken = Object.assign(Object.create(plain) as typeof plain, { map: plain.map.bind(plain) });
    const run = looked(row(), [row()], same, { mapping: broken });
    broken.map = () => {
      throw new Error('the mapping broke');
    };
    await expect(run).rejects.toThrow('the mapping broke');
    const job = scannedJob(plain, [row()], 1);
    const items: MappedItem[] = [];
    plain.map(row(), items, { now: NOW });
    const reader = { read: () => Promise.reject(new Error('asked')), close: () => Promise.resolve() };
    const deletions = new TtlDeletions({ deletesBy: null, seconds: () => NOW }, NOW);
    const stopped = confirmDifferences(job, { items, last: cursorOf(9) }, reader, deletions, NOW, AbortSignal.abort());
    await expect(stopped).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
  });
});
