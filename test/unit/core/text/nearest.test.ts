import { describe, expect, it } from 'vitest';
import { nearest } from '../../../../src/core/text/nearest.js';

const COLUMNS = ['id', 'sid', 'account_sid', 'created_at', 'updated_at', 'price'];

describe('nearest', () => {
  it.each([
    ['acount_sid', 'account_sid'],
    ['ACCOUNT_SID', 'account_sid'],
    ['creatd_at', 'created_at'],
    ['updatedat', 'updated_at'],
    ['prize', 'price'],
    ['pirce', 'price'],
    ['di', null],
    ['is', 'id'],
    ['iid', 'id'],
    ['sd', 'id'],
  ])('nearest finds for %s the column %s', (name, expected) => {
    expect(nearest(name, COLUMNS)).toBe(expected);
  });

  it.each(['x', 'xy', 'xyz', 'body', 'flags', 'direction', ''])('nearest finds no column for %j', (name) => {
    expect(nearest(name, COLUMNS)).toBeNull();
  });

  it('nearest takes the first of equally near names, and finds none in an empty list', () => {
    expect(nearest('sad', ['sid', 'sod'])).toBe('sid');
    expect(nearest('sid', [])).toBeNull();
  });
});
