/** What a report says of a shard that no process told of. */
import { expect, test } from 'vitest';
import type { Config } from '../../../../src/config/model.js';
import { NO_COUNTS } from '../../../../src/core/model.js';
import { openStateStore } from '../../../../src/state/open.js';
import { askRestart } from '../../../../src/state/restart-note.js';
import { recordedWork } from '../../../../src/wiring/run/recorded-work.js';
import { finishSamplePass, samplePlan } from '../../../contract/state-store-samples.js';
import { temporaryFolder } from '../../../support/temporary.js';

test('recordedWork of a shard that was to begin again counts nothing of what is recorded', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  const store = openStateStore({ ...at, create: true });
  store.plans.save(samplePlan());
  finishSamplePass(store, store.passes.open('backfill', 'messages'));
  store.close();
  const config = { state: at.folder, source: { tables: [{ name: 'messages' }] } } as unknown as Config;
  const task = { verb: 'backfill', shard: 's01', dryRun: false, restart: true } as const;

  askRestart(at.folder, ['s01']);
  expect(recordedWork(config, task)).toEqual({
    counts: NO_COUNTS,
    badRows: 0,
    backfillFinished: false,
    unfinished: [{ table: 'messages', begun: false }],
  });
  // A run that does not begin it again, as a verification, is about what is there.
  expect(recordedWork(config, { ...task, restart: false })).toMatchObject({ backfillFinished: true, unfinished: [] });
});
