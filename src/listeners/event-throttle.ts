/**
 * Gives the words of each event, and holds back repetitions. For a thousand bad rows with the same reason in the same
 * column, an operator reads one line, and the progress counts them. For faults that are tried again, one line a minute
 * and kind says how many more there were. Memory is bounded: after MAX_KINDS kinds, all new ones are held back too.
 */
import type { EventRecord } from '../core/events.js';
import { count } from '../wording/number-format.js';
import { wordsOf } from '../wording/event-messages.js';

/** Kinds of bad rows and differences, and kinds of incidents, that it remembers. */
const MAX_KINDS = 500;
/** Time between two lines of one kind of incident, in ms. */
const INCIDENT_EVERY_MS = 60_000;

interface Said {
  at: number;
  heldBack: number;
}

export class EventThrottle {
  readonly #rows = new Map<string, Said>();
  readonly #incidents = new Map<string, Said>();

  constructor(private readonly dryRun: boolean) {}

  /**
   * @param now ms of a clock that may start anywhere
   * @returns null if nothing is to be printed
   */
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
    return before === 0 ? words : `${words} (and ${count(before)} more like it since the last such line)`;
  }
}

/** Returns the kind of an incident that may come by the thousand; null: each event has its own line. */
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

/** @returns how many of that kind were held back since the last one that passed; null: hold this one back too */
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
