import { describe, expect, it } from 'vitest';
import { ERROR_CODES, FerryError, interrupted, type ErrorCode } from '../../../src/core/errors.js';

describe('FerryError', () => {
  it('FerryError has the exit code of its code, and its faults', () => {
    const fault = { code: 'E_TABLE_MISSING', message: 'the fact', hint: 'the next step' } as const;
    const error = new FerryError('E_PREFLIGHT', 'two faults', 'see each', { faults: [fault] });
    expect([error.exitCode, error.faults]).toEqual([3, [fault]]);
    const exitOf = (...codes: ErrorCode[]): number =>
      new FerryError('E_PREFLIGHT', 'x', 'y', { faults: codes.map((code) => ({ ...fault, code })) }).exitCode;
    expect(exitOf('E_MAPPING_COLUMN', 'E_MAPPING_UNSORTABLE')).toBe(2);
    expect(exitOf('E_TARGET_CREDENTIALS')).toBe(5);
    expect(exitOf('E_TARGET_CREDENTIALS', 'E_MAPPING_COLUMN')).toBe(3);
    expect(new FerryError('E_BAD_ROWS', 'x', 'y').exitCode).toBe(1);
    expect(interrupted()).toMatchObject({ code: 'E_INTERRUPTED', exitCode: 130, faults: [] });
  });

  it('FerryError travels as plain data, without its cause', () => {
    const error = new FerryError('E_STATE_IO', 'the fact', 'the next step', { cause: new Error('row values') });
    expect(error.toFault()).toEqual({ code: 'E_STATE_IO', message: 'the fact', hint: 'the next step' });
  });
});

describe('ERROR_CODES', () => {
  it('ERROR_CODES gives each code a meaning and a known exit code', () => {
    for (const [code, { exit, meaning }] of Object.entries(ERROR_CODES)) {
      expect(code).toMatch(/^E_[A-Z_]+$/);
      expect([1, 2, 3, 4, 5, 6, 7, 130]).toContain(exit);
      expect(meaning).toMatch(/^[a-zA-Z].{15,}[^.]$/);
    }
  });
});
