import { describe, expect, it } from 'vitest';
import type { TtlMapping } from '../../../src/config/model.js';
import { attributesOf, compile, mapRow, onlyItem, rule, table } from './tables.js';

const DAY = 86_400;
const INFO = table({ id: 'int', at: 'datetime(6)', day: 'date', epoch: 'bigint', note: 'varchar(9)' });

function compiled(ttl: Partial<TtlMapping>) {
  const full = { attribute: 'expires_at', column: 'at', retentionSeconds: 0, expired: 'keep', ...ttl } as const;
  return compile(INFO, rule('{id}', null, { ttl: full }));
}

describe('the TTL', () => {
  it.each<[Partial<TtlMapping>, Record<string, string>, number]>([
    [{}, { at: '2026-01-02 03:04:05.999999' }, 1_767_323_045],
    [{ retentionSeconds: 400 * DAY }, { at: '2026-01-02 03:04:05.000000' }, 1_767_323_045 + 34_560_000],
    [{ column: 'day', retentionSeconds: 1 }, { day: '1970-01-02' }, 86_401],
    [{ column: 'epoch', retentionSeconds: 5 }, { epoch: '1767323045' }, 1_767_323_050],
    [{ column: 'epoch' }, { epoch: '100000000000' }, 100_000_000_000],
    [{}, { at: '1969-12-31 23:59:59.500000' }, -1],
  ])('the TTL of the rule %j for the row %j is the second %i', (ttl, cells, expected) => {
    const item = onlyItem(mapRow(compiled(ttl), { id: '1', ...cells }));
    expect(item.expiresAt).toBe(expected);
    expect(attributesOf(item)['expires_at']).toEqual({ N: String(expected) });
  });

  it('the TTL of NULL is absent, so that the item never expires', () => {
    const item = onlyItem(mapRow(compiled({ expired: 'skip' }), { id: '1' }, 9e9));
    expect([item.expiresAt, item.text, item.bytes]).toEqual([null, '{"pk":{"S":"1"}}', 3]);
  });

  it('the TTL refuses milliseconds, which DynamoDB would never expire', () => {
    expect(() => mapRow(compiled({ column: 'epoch' }), { id: '1', epoch: '1767323045000' })).toThrow(
      expect.objectContaining({
        name: 'BadValue',
        column: 'epoch',
        reason: expect.stringContaining('milliseconds') as string,
      }),
    );
  });

  it('the TTL refuses zero dates', () => {
    expect(() => mapRow(compiled({}), { id: '1', at: '0000-00-00 00:00:00.000000' })).toThrow(
      expect.objectContaining({
        name: 'BadValue',
        column: 'at',
        reason: 'not a day of the calendar, so not a time for the TTL',
      }),
    );
  });

  it('the TTL takes only a column of a time or of whole seconds', () => {
    expect(() => compiled({ column: 'note' })).toThrow(
      expect.objectContaining({
        code: 'E_MAPPING_INVALID',
        message: expect.stringContaining('items[0].ttl (line 7): ttl column note has type varchar') as string,
      }),
    );
    expect(() => compiled({ column: 'epoc' })).toThrow(
      expect.objectContaining({ code: 'E_MAPPING_COLUMN', hint: 'did you mean "epoch"?' }),
    );
  });
});

describe('expired rows', () => {
  const cells = { id: '1', epoch: '1000' };
  const keep = compiled({ column: 'epoch', retentionSeconds: 100 });
  const skip = compiled({ column: 'epoch', retentionSeconds: 100, expired: 'skip' });

  it('expired rows are written where the mapping keeps them', () => {
    expect(mapRow(keep, cells, 5_000)).toHaveLength(1);
  });

  it('expired rows are left out where the mapping skips them, from the very second on', () => {
    expect(mapRow(skip, cells, 1_099)).toHaveLength(1);
    expect(mapRow(skip, cells, 1_100)).toHaveLength(0);
  });

  it('expired rows count as expired only where no item is left', () => {
    const ttl = { attribute: 'x', column: 'epoch', retentionSeconds: 100, expired: 'skip' } as const;
    const both = compile(INFO, rule('A#{id}', null, { ttl }), rule('B#{id}', null));
    const row = both.columns.map((name) => (name === 'id' ? '1' : '1000'));
    expect(both.map(row, [], { now: 2_000 })).toBe('mapped');
    expect(mapRow(both, cells, 2_000).map((item) => item.keyText)).toEqual(['{"pk":{"S":"B#1"}}']);
    const row2 = skip.columns.map((name) => (name === 'id' ? '1' : '1000'));
    expect(skip.map(row2, [], { now: 2_000 })).toBe('expired');
  });
});
