/**
 * A state folder that is deleted, or a file in it that is replaced, while a run works on it: the run stops within
 * seconds and says so. Backup copies and other readers are no such thing.
 */
import { copyFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import Database from 'better-sqlite3';
import { createMigration, onePair, type Migration } from '../../support/migration.js';
import type { RunningCli } from '../../support/cli.js';

const ROWS = 6_000;
/** A run of all rows would take a minute: so much time is left for what happens to it. */
const SLOW = 250;

async function begun(migration: Migration, args: readonly string[]): Promise<RunningCli> {
  const running = await migration.spawn(args);
  const file = join(migration.stateFolder, 's01.db');
  for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200))) {
    if (chunksIn(file) > 0) return running;
  }
  throw new Error('nothing was committed');
}

function chunksIn(file: string): number {
  try {
    const database = new Database(file, { readonly: true, fileMustExist: true });
    try {
      return database.prepare<[], number>('SELECT count(*) FROM chunks').pluck().get() ?? 0;
    } finally {
      database.close();
    }
  } catch {
    return 0;
  }
}

describe.each(onePair)('the state during a run, $name', { timeout: 180_000 }, (servers) => {
  it.each([
    {
      what: 'the state folder is deleted',
      happens: ({ stateFolder }: Migration) => rmSync(stateFolder, { recursive: true }),
      fact: /^error s01 E_STATE_GONE: shard s01: \S+ was deleted or moved away while the run worked on it/m,
    },
    {
      what: 'the state file is replaced by a copy of it',
      happens: ({ stateFolder }: Migration) => {
        const file = join(stateFolder, 's01.db');
        copyFileSync(file, `${file}.copy`);
        renameSync(`${file}.copy`, file);
      },
      fact: /^error s01 E_STATE_GONE: shard s01: \S+s01\.db was replaced while the run worked on it/m,
    },
    {
      what: 'the lock file is deleted',
      happens: ({ stateFolder }: Migration) => rmSync(join(stateFolder, 's01.lock')),
      fact: /^error s01 E_STATE_GONE: shard s01: \S+s01\.lock was deleted or moved away/m,
    },
  ])('a run stops within seconds and exits 6 when $what', async ({ happens, fact }) => {
    await using migration = await createMigration({
      ...{ servers, rows: ROWS },
      config: ({ target }) => void Object.assign(target, { writeCapacity: SLOW }),
    });
    const running = await begun(migration, ['backfill']);
    const at = Date.now();
    happens(migration);
    const ended = await running.result;
    expect(ended, ended.stderr).toMatchObject({ code: 6 });
    expect(Date.now() - at).toBeLessThan(20_000);
    expect(ended.stderr).toMatch(fact);
    expect(ended.stderr).toMatch(/next: if it was moved, move it back/);
    expect(ended.stdout).toMatch(/^s01 {2}failed: [\d,]+ rows, [\d,]+ items/m);
  });

  it('backup copies of the state, readers of it and another mode end no run', async () => {
    await using migration = await createMigration({
      ...{ servers, rows: 1_500 },
      config: ({ target }) => void Object.assign(target, { writeCapacity: SLOW }),
    });
    const running = await begun(migration, ['backfill']);
    const file = join(migration.stateFolder, 's01.db');
    const reader = new Database(file, { readonly: true });
    await reader.backup(join(migration.folder, 'backup.db'));
    reader.prepare('VACUUM INTO ?').run(join(migration.stateFolder, 's01.db.copy'));
    reader.close();
    expect(await migration.run(['status'])).toMatchObject({ code: 0 });
    rmSync(join(migration.stateFolder, 's01.db.copy'));
    const ended = await running.result;
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
  });
});
