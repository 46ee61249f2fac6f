/**
 * FOLDER SHARD COUNT [SEGMENTS]: commits chunk after chunk, with one bad row each, and says the number of each once it
 * is reported durable. After COUNT of them it kills itself without a word. SEGMENTS: to a pass of so many segments
 * without a plan, to one after the other.
 */
import { openStateStore } from '../../../../src/state/open.js';
import { cursor, sampleBadRow, sampleChunk, samplePlan } from '../../../contract/state-store-samples.js';
import { say, sayFault } from './say.js';

const [folder = '', shard = '', count = '0', segments] = process.argv.slice(2);
await sayFault(() => {
  const store = openStateStore({ folder, shard, create: true });
  const kind = segments === undefined ? 'backfill' : 'scan of the target';
  if (segments === undefined && store.plans.get('messages') === null) store.plans.save(samplePlan());
  const pass = store.passes.open(kind, 'messages', segments === undefined ? {} : { segments: Number(segments) });
  const before = store.passes.summary(kind, 'messages')?.counts.chunks ?? 0;
  for (let number = before + 1; number <= before + Number(count); number++) {
    store.badRows.record([sampleBadRow({ cursor: cursor(`bad ${number}`) })]);
    const segment = segments === undefined ? 0 : number % Number(segments);
    store.checkpoints.commit(pass, [sampleChunk({ segment, last: cursor(String(number)) })], []);
    say(String(number));
  }
  process.kill(process.pid, 'SIGKILL');
});
