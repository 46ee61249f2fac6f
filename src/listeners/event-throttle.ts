/**
 * Gives the words of each event, and holds repetitions back. Of a thousand bad rows with the same reason in the same
 * column, an operator reads one line: the progress says how many there are. Of faults that are tried again, one line a
 * minute and kind says how many more there were since. Bounded: behind so many kinds, all new ones are held back too.
 */
import type { EventRecord } from '../core/events.js';
import { count } from '../wording/number-format.js';
import { wordsOf } from '../wording/event-messages.js';

const MAX_KINDS = 500;
const INCIDENT_EVERY_MS = 60_000;

interface Said {
  at: number;
  heldBack: number;
}

export class EventThrottle {
  readonly #rows = new Map<string, Said>();
  readonly #incidents = new Map<string, Said>();

  constructor(private readonly dryRun: boolean) {}

  /** @param now clock of any zero, in ms @returns null where nothing is to be said */
  wordsOf(record: EventRecord, now: number): string | null {
    const words = wordsOf(record, this.dryRun);
    if (words === null) return null;
    if (record.name === 'row.rejected' || record.name === 'difference.found') {
      const before = take(this.#rows, `${record.payload.shard} ${words}`, now, Infinity);
      return before === null ? null : words;
    }
    const kind = kindOfIncident(record);
    if (kind === null) return words;
    const before = take(this.#incidents, kind, now, INCIDENT_EVERY_MS);
    if (before === null) return null;
    return before === 0 ? words : `${words} (and ${count(before)} more like it since this was last said)`;
  }
}

/** Incidents that may come by the thousand; null: each has a line. */
function kindOfIncident({ name, payload }: EventRecord): string | null {
  switch (name) {
    case 'source.retried':
      return `${payload.shard} ${name} ${payload.doing} ${payload.reason}`;
    case 'request.retried':
      return `${payload.shard} ${name} ${payload.operation} ${payload.reason} ${payload.ambiguous}`;
    case 'target.misreported':
      return `${payload.shard} ${name} ${payload.operation}`;
    case 'register.waited':
      return `${payload.shard} ${name} ${payload.holder}`;
    case 'target.throttled':
      return `${payload.shard} ${name} ${payload.reasons.join()}`;
    default:
      return null;
  }
}

/**
 * @returns how many of that kind were held back since the last one that was let through; null: hold this one back too
 */
function take(said: Map<string, Said>, kind: string, now: number, everyMs: number): number | null {
  const before = said.get(kind);
  if (before === undefined) {
    if (said.size >= MAX_KINDS) return null;
    said.set(kind, { at: now, heldBack: 0 });
    return 0;
  }
  if (now - before.at < everyMs) {
    before.heldBack += 1;
    return null;
  }
  const { heldBack } = before;
  said.set(kind, { at: now, heldBack: 0 });
  return heldBack;
}
