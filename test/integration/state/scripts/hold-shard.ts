/**
 * FOLDER SHARD [wait]: opens the shard (after a line on stdin, with `wait`), says `open`, holds it until told to
 * finish.
 */
import { once } from 'node:events';
import { openStateStore } from '../../../../src/state/open.js';
import { say, sayFault, untilFinish } from './say.js';

const [folder = '', shard = '', wait] = process.argv.slice(2);
if (wait !== undefined) {
  say('ready');
  await once(process.stdin, 'data');
}
let close = (): void => undefined;
await sayFault(() => {
  const store = openStateStore({ folder, shard, create: true });
  close = () => store.close();
  say('open');
});
await untilFinish();
close();
