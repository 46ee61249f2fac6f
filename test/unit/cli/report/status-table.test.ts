/** What `status` prints of tables. The other lines are tested with the command itself. */
import { expect, test } from 'vitest';
import { statusTable } from '../../../../src/cli/report/status-table.js';
import { openStateStore } from '../../../../src/state/open.js';
import { readShardStatus } from '../../../../src/state/status/read-status.js';
import { temporaryFolder } from '../../../support/temporary.js';

test('statusTable shows a backfill without a plan, and no estimate of its rows', async () => {
  await using folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  const store = openStateStore({ ...at, create: true });
  store.passes.open('backfill', 'calls', { segments: 2 });
  store.close();
  const status = readShardStatus(at);
  const lines = statusTable(status === null ? [] : [status], Date.now(), 200).split('\n');
  expect(lines[1]).toMatch(/^s01 +backfill stopped +calls +0 +0 +never$/);
});
