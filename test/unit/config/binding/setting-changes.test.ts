/** Each setting of the config, changed: the fingerprint shows it at the place that the list says, or nowhere. */
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { disagreements, takenUp } from '../../../../src/config/binding/binding-rules.js';
import { resumeFingerprint } from '../../../../src/config/binding/fingerprint.js';
import { configJsonSchema } from '../../../../src/config/schema/json-schema.js';
import { mustStay } from '../../../../src/config/binding/retry-scope.js';
import { SETTING_CHANGES, type SettingPath } from '../../../../src/config/binding/setting-changes.js';
import type { TableInfo } from '../../../../src/core/model.js';
import type { Fingerprint } from '../../../../src/core/ports/state-records.js';
import { fingerprintChanges } from '../../../../src/state/tables/fingerprint.js';
import { alterations, BEFORE, noteConfig } from '../../../support/setting-alterations.js';
import { settingPaths } from '../../../support/docs/rendered-sections.js';
import { ENV, loadRight, rightConfig } from '../config-file.js';

const SETTINGS = Object.entries(SETTING_CHANGES) as [SettingPath, (typeof SETTING_CHANGES)[SettingPath]][];
const ALTERATIONS = alterations('another_database');
/** Columns that the alterations of attributes are about. */
const BAD = ['body', 'at'].map((column) => ({ table: 'notes', column }));

async function fingerprintOf(...steps: readonly (((config: object) => void) | undefined)[]): Promise<Fingerprint> {
  const file = rightConfig();
  for (const step of [noteConfig, ...steps]) step?.(file);
  const config = await loadRight(file, { ...ENV, OTHER_PASSWORD: 'x' });
  const database = config.source.shards[0]?.database ?? '';
  const info: TableInfo = { database, name: 'notes', columns: [], uniqueKeys: [], estimatedRows: 0 };
  const tables = config.source.tables.map(({ name }) => ({ ...info, name }));
  return JSON.parse(JSON.stringify(resumeFingerprint(config, tables, 'arn'))) as Fingerprint;
}

describe('SETTING_CHANGES', () => {
  it('SETTING_CHANGES has every key of the schema, and no other', () => {
    const ofSchema = settingPaths(configJsonSchema()).filter((path) => !path.startsWith('source.table.'));
    // That it is there is a setting by itself.
    expect(Object.keys(SETTING_CHANGES).sort()).toEqual([...ofSchema, 'source.tables[].wholeTable'].sort());
  });
});

describe.each(SETTINGS)('the setting %s', (path, setting) => {
  it(`fingerprintChanges treats a change of ${path} as SETTING_CHANGES says: ${setting.change}`, async () => {
    const before = await fingerprintOf(BEFORE[path]);
    const after = await fingerprintOf(BEFORE[path], ALTERATIONS[path]);
    const changes = fingerprintChanges(takenUp(before, after), after);
    const entry = 'entry' in setting ? setting.entry : null;
    if (entry === null) {
      expect(changes).toEqual([]);
      return;
    }
    // Where a branch came or went with it, the change is told there.
    const pattern = entry.split('.').map((step) => (step === 'NAME' ? String.raw`[\w ]+` : step));
    const told = pattern.map((_, depth) => pattern.slice(0, depth + 1).join(String.raw`\.`)).join('|');
    expect(changes.length).toBeGreaterThan(0);
    expect(
      changes.filter((change) => new RegExp(`^(${told})(\\[\\d+\\])?(\\.[\\w]+)?$`).test(change.path)),
    ).not.toEqual([]);

    const alike = setting.change === 'restart' && setting.alike;
    expect(disagreements(before, after).length > 0).toBe(alike);
    expect(disagreements(after, before).length > 0).toBe(alike);

    const retried = isDeepStrictEqual(mustStay(before, after, BAD), mustStay(after, before, BAD));
    expect(retried).toBe(setting.change === 'flag');
  });
});
