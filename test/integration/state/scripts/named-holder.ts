/** FILE: locks it, and says twice which processes hold it, as this one sees it: to look must not unlock it. */
import { acquireLock } from '../../../../src/state/sqlite/lock.js';
import { lockHolders } from '../../../../src/state/sqlite/lock-holder.js';
import { say } from './say.js';

const [file = ''] = process.argv.slice(2);
const lock = acquireLock(file, { subject: 'a file', file, putBack: null, remedy: '' }, 0);
for (let look = 0; look < 2; look++) say(String(lockHolders(file)));
lock?.release();
