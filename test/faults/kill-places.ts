/**
 * The matrix of kills: for every event that the engine knows, in which command and up to which occurrence of it
 * processes are killed, or why that cannot be. A new event without a place here does not compile.
 */
import { EVENTS, type EventName } from '../../src/core/events.js';

export type Victim = 'worker' | 'supervisor' | 'all';
export type Command = 'backfill' | 'verify' | 'retry';

interface Place {
  readonly command: Command;
  /** The kill comes at the 1st to so-many-th occurrence. */
  readonly upTo: number;
}

const backfill = (upTo: number): readonly Place[] => [{ command: 'backfill', upTo }];
const backfillAndVerify = (upTo: number): readonly Place[] => [...backfill(upTo), { command: 'verify', upTo }];
const backfillAndRetry = (upTo: number): readonly Place[] => [...backfill(upTo), { command: 'retry', upTo: 1 }];

/** Places; or why there is none. */
export const PLACES: Readonly<Record<EventName, readonly Place[] | string>> = {
  'shard.started': backfill(1),
  'shard.phase': backfill(1),
  'table.planned': backfill(1),
  'chunk.read': backfillAndVerify(8),
  'chunk.acknowledged': backfill(8),
  'chunk.compared': [{ command: 'verify', upTo: 8 }],
  'watermark.advanced': backfillAndVerify(5),
  'segment.completed': backfill(3),
  'batch.sent': backfillAndRetry(12),
  'batch.acknowledged': backfillAndRetry(12),
  'request.retried': backfill(3),
  'target.throttled': backfill(3),
  'target.misreported': 'told of an answer whose items are acknowledged next, as `batch.acknowledged` is',
  'source.retried': backfill(1),
  'verification.again': 'told before anything of the new verification is begun, as `table.planned` is',
  'verification.kept': 'nothing is done at it: the state is only read',
  'source.paused': backfill(1),
  'source.resumed': backfill(1),
  'shard.paused':
    'emitted at rest: nothing is under way then; test/integration/shards/handle.test.ts ends a paused shard',
  'shard.resumed': 'nothing is under way at it that a kill could break off',
  'source.probe_failed': backfill(1),
  'register.waited': 'told of another process that stands still; test/faults/machine.test.ts ends that one',
  'row.rejected': backfill(3),
  'difference.found': [{ command: 'verify', upTo: 2 }],
  'events.dropped': 'told of a full pipe, which no kill of a test can wait for; test/unit/shards/outbox.test.ts has it',
  'shard.progress': backfill(2),
  'shard.stalled': 'nothing is under way then that a kill could break off; test/faults/stalls.test.ts has what follows',
  // That of a run that was killed before.
  'shard.warning': [{ command: 'verify', upTo: 1 }],
  'shard.finished': backfill(1),
  'run.stopping': backfill(1),
  'run.warning':
    'told of another run that stands still; nothing is under way at it. test/faults/stalls.test.ts has what follows',
  'listener.failed': 'no listener of dynaferry throws, whatever becomes of the streams that it writes to',
};

export interface Kill {
  readonly event: EventName;
  readonly command: Command;
  readonly occurrence: number;
  readonly victim: Victim;
}

const VICTIMS: readonly Victim[] = ['worker', 'supervisor', 'all'];
const COMMANDS: readonly Command[] = ['backfill', 'verify', 'retry'];

/** @param each kills at each place: victims take turns, and so do occurrences; in the order of the commands */
export function chosenKills(random: () => number, each: number): readonly Kill[] {
  const kills = (Object.keys(EVENTS) as EventName[]).flatMap((event) => {
    const places = PLACES[event];
    if (typeof places === 'string') return [];
    return places.flatMap(({ command, upTo }) => {
      const first = Math.floor(random() * VICTIMS.length);
      return Array.from({ length: each }, (_, index): Kill => {
        const victim = VICTIMS[(first + index) % VICTIMS.length] ?? 'all';
        return { event, command, victim, occurrence: 1 + Math.floor(random() * upTo) };
      });
    });
  });
  return COMMANDS.flatMap((command) => kills.filter((kill) => kill.command === command));
}
