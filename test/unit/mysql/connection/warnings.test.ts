/**
 * Which warnings forbid to take an answer for a result. The numbers are MySQL's and MariaDB's own: what each means is
 * in warnings.ts.
 */
import { describe, expect, test } from 'vitest';
import { endedWithWarnings, harmfulWarnings, type Warning } from '../../../../src/mysql/connection/warnings.js';

const warning = (code: number, message = 'it quotes a value'): Warning => ({ code, message });
const harmful = (conditional: boolean, ...listed: readonly Warning[]): readonly number[] =>
  harmfulWarnings(listed.length, listed, conditional);

describe('harmfulWarnings', () => {
  // Of the statement's own words, or of what shows by itself.
  test.each([1003, 1013, 1276, 1287, 1554, 1681, 1739, 1812, 1814, 3719, 3720, 3778, 3779, 4079, 4095, 4096, 4162])(
    'harmfulWarnings passes warning %i, and does not take other codes for it',
    (code) => {
      expect([harmful(false, warning(code)), harmful(true, warning(code))]).toEqual([[], []]);
      const known = harmful(true, warning(code), warning(9_999));
      expect(known).toEqual([9_999]);
    },
  );

  test.each([1264, 1265, 1292, 1301, 1366, 1411, 1739 + 1_000, 4_161])('harmfulWarnings reports warning %i', (code) => {
    expect([harmful(false, warning(code)), harmful(true, warning(code))]).toEqual([[code], [code]]);
  });

  test('harmfulWarnings reports a replaced character in a condition alone, as a selected one shows by itself', () => {
    expect([harmful(false, warning(1977)), harmful(true, warning(1977))]).toEqual([[], [1977]]);
  });

  test('harmfulWarnings passes a character that a key cannot have, as a bound of a range is made up', () => {
    expect([harmful(false, warning(1300)), harmful(true, warning(1300))]).toEqual([[], []]);
  });

  test('harmfulWarnings passes the empty decimal of MySQL 5.6’s own plan, in its words and without a condition', () => {
    const planned = warning(1292, "Truncated incorrect DECIMAL value: ''");
    expect([harmful(false, planned), harmful(true, planned)]).toEqual([[], [1292]]);
    expect(harmful(false, warning(1292, "Truncated incorrect DECIMAL value: 'x'"))).toEqual([1292]);
    expect(harmful(false, warning(1293, "Truncated incorrect DECIMAL value: ''"))).toEqual([1293]);
  });

  test('harmfulWarnings reports a warning that is not listed, as it may be any', () => {
    expect(harmfulWarnings(1, [], false)).toEqual([0]);
    expect(harmfulWarnings(3, [warning(1287), warning(1292)], false)).toEqual([0, 1292]);
    expect(harmfulWarnings(0, [], true)).toEqual([]);
  });

  test('harmfulWarnings names a repeated warning once, in order', () => {
    expect(harmful(true, warning(1366), warning(1264), warning(1366))).toEqual([1264, 1366]);
  });
});

describe('endedWithWarnings', () => {
  const hint = (codes: readonly number[], conditional: boolean): string | undefined =>
    endedWithWarnings('s01', codes, conditional).hint;

  test('endedWithWarnings names codes, never messages, and the step of the first code that has one', () => {
    const { code, message } = endedWithWarnings('s01', [1292, 1301], true);
    expect({ code, message }).toMatchObject({
      code: 'E_SOURCE_WARNING',
      message: expect.stringContaining('warning 1292, 1301') as string,
    });
    expect(endedWithWarnings('s01', [0], false).message).toContain('warnings that it does not list');
    expect(hint([1292], true)).toMatch(/`where`/);
    expect(hint([1292], false)).toMatch(/generated column/);
    expect(hint([1301], false)).toMatch(/max_allowed_packet/);
    expect(hint([0, 1264], true)).toMatch(/max_error_count/);
    expect(hint([1264], true)).toMatch(/SHOW WARNINGS/);
  });
});
