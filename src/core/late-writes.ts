/**
 * How long a request without an answer may still be applied: AWS refuses signatures older than 15 minutes (Signature Version 4,
 * "Elements of a request: time stamp"). Before that, nothing read from its item is final.
 */
export const LATE_WRITE_WINDOW_MS = 15 * 60_000;
