import { describe, expect, test } from 'vitest';
import { SETTING_CHANGES } from '../../../src/config/binding/setting-changes.js';
import { newNameOf, RENAMED_KEYS } from '../../../src/config/schema/renamed-keys.js';
import { alter, faultsOf, rightConfig } from './config-file.js';

describe('renamed keys', () => {
  test.each(Object.entries(RENAMED_KEYS))(
    'loadConfig refuses the old key %s, with its line and the new name %s',
    async (old, now) => {
      const config = alter(rightConfig(), 'target.version', undefined);
      if (old.startsWith('target.version.')) {
        alter(config, 'target.liveWriter', 'concurrent');
        alter(config, 'target.version.attribute', 'v');
      }
      const [fault, ...others] = await faultsOf(alter(config, old, 7));
      expect(others).toEqual([]);
      expect(fault?.replace(/ \(line \d+\) /, '|')).toBe(
        `${old}|is now named ${now} -> rename the key, and keep its value`,
      );
      expect(fault).toMatch(/ \(line \d+\) /);
    },
  );

  test.each(Object.entries(RENAMED_KEYS))(
    'SETTING_CHANGES lacks the old key %s, and has its new name %s',
    (old, now) => {
      expect(Object.keys(SETTING_CHANGES)).not.toContain(old);
      expect(Object.keys(SETTING_CHANGES)).toContain(now);
    },
  );

  test('newNameOf finds no new name for a current key, nor for one that every object has', () => {
    expect(newNameOf(['target', 'table'])).toBeNull();
    expect(newNameOf(['constructor'])).toBeNull();
  });
});
