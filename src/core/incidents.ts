/**
 * Defines the kinds of incidents, which are faults that a run recovers from. `status` counts them over all runs of a
 * shard. The list is closed: a new kind is a line in `INCIDENTS` and a case in `incidentOf`, and needs no change of the
 * state file.
 */
import type { EventRecord } from './events.js';

/** How `status` names one incident of a kind, and several. */
export const INCIDENTS = {
  throttled: { one: 'request throttled by DynamoDB', many: 'requests throttled by DynamoDB' },
  failed: { one: 'request to DynamoDB that failed', many: 'requests to DynamoDB that failed' },
  unanswered: { one: 'write without an answer', many: 'writes without an answer' },
  misreported: {
    one: 'answer with an impossible number of capacity units',
    many: 'answers with an impossible number of capacity units',
  },
  'source-retried': { one: 'MySQL statement that failed', many: 'MySQL statements that failed' },
  'source-lagged': { one: 'pause for a lagging replica', many: 'pauses for a lagging replica' },
  'source-busy': { one: 'pause for a busy server', many: 'pauses for a busy server' },
  'source-unwatched': { one: 'gap in watching replicas and threads', many: 'gaps in watching replicas and threads' },
} as const satisfies Record<string, { readonly one: string; readonly many: string }>;

export type IncidentKind = keyof typeof INCIDENTS;

/** The number of incidents of one kind. */
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
 * Returns the kind that an event counts as; null: it counts as no incident. A throttled request counts once, although
 * it is retried as well.
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
