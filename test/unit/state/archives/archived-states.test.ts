/** What a state inherits from the archived ones: the settings under which they wrote, and names that are used up. */
import Database from 'better-sqlite3';
import { copyFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Fingerprint } from '../../../../src/core/ports/state-records.js';
import { openStateStore } from '../../../../src/state/open.js';
import { archiveState } from '../../../../src/state/restart.js';
import { finishSamplePass, samplePlan } from '../../../contract/state-store-samples.js';
import { temporaryFolder } from '../../../support/temporary.js';

const SETTINGS = { target: { identity: 'table-1' }, mapping: 'first' };

async function place() {
  const folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01', create: true };
  const former = (): readonly (Fingerprint | null)[] => {
    const store = openStateStore(at);
    try {
      return store.binding.formerSettings();
    } finally {
      store.close();
    }
  };
  return { at, former, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** Changes a file as a run would that wrote, or that did not. */
function change(file: string, sql: string): void {
  const database = new Database(file);
  database.exec(sql);
  database.close();
}

describe('settings under which earlier states wrote', () => {
  test.each([
    [
      'moved items',
      "UPDATE pass_segments SET items = 1 WHERE pass_id IN (SELECT id FROM passes WHERE kind = 'backfill')",
    ],
    [
      'moved an item by a retry of bad rows',
      `INSERT INTO bad_row_retries (table_name, pass_id, newest_pass_id, rows, items, expired_rows, gone_rows, units, digest, done_at)
            VALUES ('messages', 1, 1, 1, 1, 0, 0, 1, '000102030405060708090a0b0c0d0e0f', 0)`,
    ],
    [
      'left an item of a bad row in the target',
      `INSERT INTO bad_rows (table_name, cursor, reason, remedy, recorded_at, items_taken)
            VALUES ('messages', '["a"]', '', '', 0, 1)`,
    ],
    ['has an ambiguous write', "INSERT INTO ambiguous_writes (item_key, since) VALUES ('k', 0)"],
    ['ended with writes in flight', 'UPDATE meta SET writes_in_flight = 1'],
    ['had a crash', 'UPDATE meta SET crashed_at = 0'],
    ['planned, and found no row to move', null],
    [
      'only compared items',
      "UPDATE pass_segments SET items = 1 WHERE pass_id IN (SELECT id FROM passes WHERE kind = 'verify')",
    ],
    [
      'left only bad rows behind',
      `INSERT INTO bad_rows (table_name, cursor, reason, remedy, recorded_at) VALUES ('messages', '["a"]', '', '', 0)`,
    ],
  ] as const)('whether a restart hands on the settings of a state that %s', async (what, sql) => {
    await using one = await place();
    const store = openStateStore(one.at);
    store.binding.bind(SETTINGS);
    store.plans.save(samplePlan());
    for (const kind of ['backfill', 'verify'] as const)
      finishSamplePass(store, store.passes.open(kind, 'messages'), { rows: 0, items: 0, badRows: 0 });
    store.close();
    if (sql !== null) change(join(one.at.folder, 's01.db'), sql);
    archiveState(one.at);
    expect(one.former()).toEqual(/^(planned|only|left only)/.test(what) ? [] : [SETTINGS]);
    // A later state hands on what it inherited, also where it wrote nothing itself.
    archiveState(one.at);
    expect(one.former()).toEqual(/^(planned|only|left only)/.test(what) ? [] : [SETTINGS]);
  });

  // Versions 10 and 11 gave these tables and columns other names.
  describe.each([10, 11])('an archive of version %i', (version) => {
    test.each([
      ['wrote nothing', '', false],
      [
        'moved items',
        "UPDATE pass_ranges SET items = 1 WHERE pass IN (SELECT id FROM passes WHERE kind = 'backfill')",
        true,
      ],
      ['ended with writes in flight', 'UPDATE meta SET writing = 1', true],
      ['has an ambiguous write', "INSERT INTO suspects (key_text, since) VALUES ('k', 0)", true],
    ] as const)(
      `whether a new state knows the settings of an archive of version ${version} that %s`,
      async (_what, sql, isNamed) => {
        await using one = await place();
        const archive = join(one.at.folder, 's01.20251122T230000Z.db');
        copyFileSync(new URL(`../../../../fixtures/state/v${version}.db`, import.meta.url), archive);
        change(
          archive,
          `UPDATE meta SET writing = 0, broken_off_at = NULL;
         UPDATE pass_ranges SET items = 0 WHERE pass IN (SELECT id FROM passes WHERE kind = 'backfill');
         DELETE FROM suspects; DELETE FROM retries; DELETE FROM bad_rows; ${sql}`,
        );
        expect(one.former()).toHaveLength(isNamed ? 1 : 0);
        expect(one.former()).not.toContain(null);
      },
    );
  });

  test('an archive that cannot be read counts as one of unknown settings', async () => {
    await using one = await place();
    const archive = join(one.at.folder, 's01.20251122T230000Z.db');
    copyFileSync(new URL(import.meta.url), archive);
    expect(one.former()).toEqual([null]);
  });
});

describe('names of archives', () => {
  afterEach(() => void vi.useRealTimers());

  test('an archive does not get a name that some state has inherited, though the file of that name is gone', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    await using one = await place();
    openStateStore(one.at).close();
    const first = archiveState(one.at) ?? '';
    const second = openStateStore(one.at);
    second.lateWrites.begin();
    second.close();
    rmSync(first);
    const next = archiveState(one.at) ?? '';
    expect(basename(next)).toBe(basename(first).replace('.db', '-2.db'));
    // Under the first name, the archive would count as one whose late writes its heir had taken over.
    const heir = openStateStore(one.at);
    expect(heir.lateWrites.crashedAt()).not.toBeNull();
    heir.close();
  });
});
