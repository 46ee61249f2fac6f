/** The controls that a supervisor may change while a shard works: its limits, and whether it reads. */
import { Tunables } from '../../config/tunables.js';
import { PauseGate } from '../../core/async/pause-gate.js';
import type { ShardTask } from './shard-task.js';

export interface ShardControls {
  readonly tunables: Tunables;
  readonly pause: PauseGate;
}

/** Returns the limits of the task, and no pause. */
export function openControls({
  config,
  scans,
  everyEvent,
}: Pick<ShardTask, 'config' | 'scans' | 'everyEvent'>): ShardControls {
  return { tunables: new Tunables(config.settings, { scansPerServer: scans, everyEvent }), pause: new PauseGate() };
}
