/**
 * FOLDER SYNCHRONOUS: does everything once that the state promises to be durable, and says the name of each step when
 * it has returned. SYNCHRONOUS in the place of `as it is` (OFF, NORMAL) is what the connections are set to: for what
 * looks on, to be seen to find it.
 */
import type { Database } from 'better-sqlite3';
import { archiveState, discardState, giveUpClaims } from '../../../../src/state/restart.js';
import { askRestart } from '../../../../src/state/restart-note.js';
import { openKeyRegister } from '../../../../src/state/shared/key-register.js';
import { openStateStore } from '../../../../src/state/open.js';
import {
  cursor,
  sampleBadRow,
  sampleChunk,
  sampleDifference,
  sampleHeartbeat,
  samplePlan,
  sampleRanges,
} from '../../../contract/state-store-samples.js';
import { atOnce } from '../../../support/at-once.js';
import { say, sayFault } from './say.js';

const [folder = '', synchronous = 'as it is'] = process.argv.slice(2);

function step<T>(name: string, action: () => T): T {
  const result = action();
  say(`step ${name}`);
  return result;
}

function set<T>(opened: T): T {
  const { database } = opened as { database: Database };
  if (synchronous !== 'as it is') database.pragma(`synchronous = ${synchronous}`);
  return opened;
}

await sayFault(async () => {
  say('step start');
  const at = { folder, shard: 's01' };
  const store = step('create', () => set(openStateStore({ ...at, create: true })));
  step('bind', () => store.binding.bind({ one: 1 }));
  step('rebind', () =>
    store.binding.rebind(
      { one: 2 },
      () => ({}),
      () => [],
    ),
  );
  step('setServer', () => store.binding.setServer('uuid'));
  step('savePlan', () => store.plans.save(samplePlan()));
  const pass = step('openPass', () => store.passes.open('backfill', 'messages'));
  step('beginWrites', () => store.lateWrites.begin());
  step('recordBadRows', () => store.badRows.record([sampleBadRow(), sampleBadRow({ cursor: cursor('other') })]));
  for (let number = 1; number <= 3; number++) {
    const chunk = sampleChunk({ last: cursor(String(number)) });
    step(`commitChunks ${number}`, () => store.checkpoints.commit(pass, [chunk], [sampleDifference()]));
  }
  step('forgetBadRows', () => store.badRows.forget('messages', [cursor('other')]));
  step('addSuspects', () => store.ambiguousWrites.add([{ itemKey: 'key', since: 1 }]));
  step('closeSuspects', () => store.ambiguousWrites.close(['key']));
  step('beat', () => store.heartbeat.beat(sampleHeartbeat()));
  step('addIncidents', () => store.incidents.add([{ kind: 'throttled', count: 1, firstAt: 1, lastAt: 2 }]));
  for (const { index } of sampleRanges())
    step(`completeRange ${index}`, () => store.checkpoints.completeSegment(pass, index));
  step('finishPass', () => store.passes.finish(pass));
  const record = { rows: 1, items: 1, expiredRows: 0, goneRows: 0, newerItems: 0, units: 1, digest: '0'.repeat(32) };
  step('settleRetry', () => store.retries.settle('messages', [sampleBadRow().cursor], [], record));
  step('endWrites', () => store.lateWrites.end());
  const register = step('create register', () => set(openKeyRegister({ folder })));
  await register.claim({ shard: 's01', table: 'messages' }, [{ claim: 'k', cursor: cursor('r') }]);
  say('step claim');
  register.close();
  store.close();
  step('askRestart', () => askRestart(folder, ['s01']));
  step('archive', () => archiveState(at));
  await giveUpClaims(at, atOnce);
  say('step giveUpClaims');
  openStateStore({ ...at, create: true }).close();
  await discardState(at, atOnce);
  say('step discard');
});
