/**
 * FOLDER SHARD COUNT: commits chunk after chunk, with one bad row each, and says the number of each once it is reported
 * durable. After COUNT of them it kills itself without a word.
 */
import { openStateStore } from '../../../../src/state/open.js';
import { cursor, sampleBadRow, sampleChunk, samplePlan } from '../../../contract/state-store-samples.js';
import { say, sayFault } from './say.js';

const [folder = '', shard = '', count = '0'] = process.argv.slice(2);
await sayFault(() => {
  const store = openStateStore({ folder, shard, create: true });
  if (store.plans.get('messages') === null) store.plans.save(samplePlan());
  const pass = store.passes.open('backfill', 'messages');
  const before = store.passes.summary('backfill', 'messages')?.counts.chunks ?? 0;
  for (let number = before + 1; number <= before + Number(count); number++) {
    store.badRows.record([sampleBadRow({ cursor: cursor(`bad ${number}`) })]);
    store.checkpoints.commit(pass, [sampleChunk({ last: cursor(String(number)) })], []);
    say(String(number));
  }
  process.kill(process.pid, 'SIGKILL');
});
