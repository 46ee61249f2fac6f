import { expect, test } from 'vitest';
import { MachineWatch } from '../../../../src/shards/process/machine-death.js';

const HEAP = 'Reached heap limit Allocation failed - JavaScript heap out of memory';

test('MachineWatch recognizes a full heap by V8’s own words, and never by a signal alone', () => {
  const watch = new MachineWatch('s01');
  expect(watch.ended('SIGABRT', HEAP)).toMatchObject({
    code: 'E_OUT_OF_MEMORY',
    message: `the process of shard s01 ended by SIGABRT: ${HEAP}`,
  });
  for (const how of ['SIGABRT', 'SIGTERM', 'exit code 134']) expect(watch.ended(how, null)).toBeNull();
  expect(watch.ended('SIGABRT', 'Check failed: node->IsInUse().')).toBeNull();
});

test('MachineWatch reports a process that could not load its own code for want of files as that', () => {
  expect(new MachineWatch('s01').ended('exit code 71', null)).toMatchObject({ code: 'E_TOO_MANY_FILES' });
});
