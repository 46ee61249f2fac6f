import { describe, expect, it, vi } from 'vitest';
import { FerryError } from '../../../src/core/errors.js';
import { asFerryError } from '../../../src/core/thrown.js';

describe('asFerryError', () => {
  it('asFerryError leaves a FerryError as it is', () => {
    const error = new FerryError('E_USAGE', 'x', 'y');
    expect(asFerryError(error, 'shard s01')).toBe(error);
  });

  it.each([
    [new TypeError('secret 4915112345678'), 'unexpected TypeError inside dynaferry'],
    ['secret 4915112345678', 'unexpected string inside dynaferry'],
    [undefined, 'unexpected undefined inside dynaferry'],
  ])('asFerryError makes a defect of anything else, and shows nothing of its text', (thrown, message) => {
    const error = asFerryError(thrown, 'shard s01');
    expect(error).toMatchObject({ code: 'E_INTERNAL', message });
    expect(error.hint).not.toContain('4915112345678');
    expect(error.options.cause).toBe(thrown);
  });

  it('asFerryError shows where a defect is when DYNAFERRY_DEBUG is set', () => {
    vi.stubEnv('DYNAFERRY_DEBUG', '1');
    try {
      expect(asFerryError(new TypeError('x'), 'shard s01').hint).toMatch(/TypeError: x\n\s+at .*thrown\.test\.ts/);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it.each([
    [{ code: 'EMFILE' }, 'E_TOO_MANY_FILES'],
    [{ code: 'ENOSPC' }, 'E_DISK_FULL'],
    [{ code: 'EAGAIN', syscall: 'spawn' }, 'E_TOO_MANY_PROCESSES'],
    [{ code: 'ENOMEM' }, 'E_OUT_OF_MEMORY'],
    [{ cause: Object.assign(new Error('secret'), { code: 'EMFILE' }) }, 'E_TOO_MANY_FILES'],
  ])('asFerryError reports what the machine refuses: %j', (fields, code) => {
    const error = asFerryError(Object.assign(new Error('secret'), fields), 'shard s01');
    expect(error).toMatchObject({ code, message: expect.stringMatching(/^shard s01: /) as string });
    expect(error.message).not.toContain('secret');
  });
});
