/** FOLDER SHARD: gives up root, where it is root, then opens the shard and says what came of it. */
import Database from 'better-sqlite3';
import { openStateStore } from '../../../../src/state/open.js';
import { readShardStatus } from '../../../../src/state/status/read-status.js';
import { say, sayFault } from './say.js';

const [folder = '', shard = ''] = process.argv.slice(2);
// The native library loads at the first use, and may lie where only root can read.
new Database(':memory:').close();
if (process.getuid?.() === 0) process.setuid?.(65_534);
await sayFault(() => {
  openStateStore({ folder, shard, create: true }).close();
  say('open');
});
say(readShardStatus({ folder, shard })?.fault?.code ?? 'readable');
