/** A task for one shard, as the command line would make it; a test says only what matters to it. */
import type { SentConfig } from '../../src/config/model.js';
import type { VerbName } from '../../src/engine/verbs.js';
import type { TaskOf } from '../../src/wiring/run/shard-task.js';

/** A verb that is not named here is asked for nothing. */
const OPTIONS: Readonly<Record<string, object>> = {
  backfill: { maxBadRows: 0 },
  'retry-bad': { maxBadRows: 0 },
  verify: { takenOver: {} },
};

export function taskOf<Name extends VerbName>(
  verb: Name,
  config: SentConfig,
  changes: Partial<TaskOf<Name>> = {},
): TaskOf<Name> {
  return {
    ...{
      verb,
      options: OPTIONS[verb] ?? {},
      shard: 's01',
      config,
      dryRun: false,
      restart: false,
      target: null,
    },
    ...{ acceptServer: false, scans: 1, everyEvent: false, units: 100_000 },
    ...changes,
  };
}
