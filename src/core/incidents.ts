/**
 * Faults that a run rides out, by kind: what `status` counts, over all the runs of a shard. A closed list: a new kind
 * is a line in `INCIDENTS` and a case in `incidentOf`, and needs no change of the state file.
 */
import type { EventRecord } from './events.js';

/** How `status` names one and several of a kind. */
export const INCIDENTS = {
  throttled: { one: 'request throttled by DynamoDB', many: 'requests throttled by DynamoDB' },
  failed: { one: 'request to DynamoDB that failed', many: 'requests to DynamoDB that failed' },
  unanswered: { one: 'write without an answer', many: 'writes without an answer' },
  misreported: { one: 'answer with units that cannot be true', many: 'answers with units that cannot be true' },
  'source-retried': { one: 'MySQL statement that failed', many: 'MySQL statements that failed' },
  'source-lagged': { one: 'pause for a lagging replica', many: 'pauses for a lagging replica' },
  'source-busy': { one: 'pause for a busy server', many: 'pauses for a busy server' },
  'source-unwatched': { one: 'gap in watching replicas and threads', many: 'gaps in watching replicas and threads' },
} as const satisfies Record<string, { readonly one: string; readonly many: string }>;

export type IncidentKind = keyof typeof INCIDENTS;

/** So many of one kind. */
export interface Incident {
  readonly kind: IncidentKind;
  readonly count: number;
  /** ms since the epoch */
  readonly firstAt: number;
  readonly lastAt: number;
}

export function isIncidentKind(text: string): text is IncidentKind {
  return Object.hasOwn(INCIDENTS, text);
}

/**
 * The kind that an event is counted as; null: as none. A throttled request is counted once, though it is tried again as
 * well.
 */
export function incidentOf({ name, payload }: EventRecord): IncidentKind | null {
  switch (name) {
    case 'target.throttled':
      return 'throttled';
    case 'request.retried':
      if (payload.throttled) return null;
      return payload.ambiguous ? 'unanswered' : 'failed';
    case 'target.misreported':
      return 'misreported';
    case 'source.retried':
      return 'source-retried';
    case 'source.paused':
      return payload.cause === 'lag' ? 'source-lagged' : 'source-busy';
    case 'source.probe_failed':
      return 'source-unwatched';
    default:
      return null;
  }
}
