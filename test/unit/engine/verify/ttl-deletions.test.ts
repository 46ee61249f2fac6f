import { describe, expect, it } from 'vitest';
import { TtlDeletions } from '../../../../src/engine/verify/ttl-deletions.js';

const DAY = 86_400;
const FIVE_YEARS = 5 * 365 * DAY;
const NOW = 1_800_000_000;
/** When the backfill began. */
const WRITTEN = NOW - 30 * DAY;

const deletions = (deletesBy: string | null, now = NOW) => new TtlDeletions({ deletesBy, seconds: () => now }, WRITTEN);
const item = (value: string) => ({ text: `{"pk":{"S":"a"},"ttl":${value}}`, row: [value] });
const expiring = (at: number) => item(`{"N":"${at}"}`);

describe('TtlDeletions', () => {
  it('TTL may have deleted an item with a number in the TTL attribute whose time is over', () => {
    expect(deletions('ttl').mayHaveDeleted(expiring(NOW - DAY))).toBe(true);
    expect(deletions('ttl').mayHaveDeleted(item('{"N":"1799999999.5"}'))).toBe(true);
  });

  it('TTL may have deleted nothing where TTL is off, or goes by another attribute', () => {
    expect(deletions(null).mayHaveDeleted(expiring(NOW - DAY))).toBe(false);
    // Of whatever name: an item may have an attribute `null`.
    expect(deletions(null).mayHaveDeleted({ text: `{"null":{"N":"${NOW - DAY}"}}`, row: [] })).toBe(false);
    expect(deletions('pk').mayHaveDeleted(expiring(NOW - DAY))).toBe(false);
    expect(deletions('constructor').mayHaveDeleted(expiring(NOW - DAY))).toBe(false);
  });

  it.each([
    ['no number', item(`{"S":"${NOW - DAY}"}`)],
    ['NULL', item('{"NULL":true}')],
    ['no such attribute', { text: '{"pk":{"S":"a"}}', row: [] }],
  ])('TTL cannot have deleted an item with %s', (_, without) => {
    expect(deletions('ttl').mayHaveDeleted(without)).toBe(false);
  });

  it('TTL may have deleted an item from the second after its time on, by the clock of the service', () => {
    expect(deletions('ttl').mayHaveDeleted(expiring(NOW))).toBe(false);
    expect(deletions('ttl', NOW + 1).mayHaveDeleted(expiring(NOW))).toBe(true);
    expect(deletions('ttl', NOW - 1).mayHaveDeleted(expiring(NOW))).toBe(false);
  });

  it('TTL cannot have deleted an item that had expired five years before anything was written', () => {
    expect(deletions('ttl').mayHaveDeleted(expiring(WRITTEN - FIVE_YEARS))).toBe(false);
    expect(deletions('ttl').mayHaveDeleted(expiring(WRITTEN - FIVE_YEARS + 1))).toBe(true);
    expect(deletions('ttl').mayHaveDeleted(expiring(0))).toBe(false);
  });

  it('TTL cannot have deleted the item of a row that nothing was written of', () => {
    const [left, moved] = [expiring(NOW - DAY), expiring(NOW - 2 * DAY)];
    const ttl = new TtlDeletions({ deletesBy: 'ttl', seconds: () => NOW }, WRITTEN, (row) => row === left.row);
    expect([left, moved].map((absent) => ttl.mayHaveDeleted(absent))).toEqual([false, true]);
  });
});
