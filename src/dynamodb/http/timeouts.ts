/**
 * Limits on the time of a request, for every sender. They have a file of their own, since a command that only asks for
 * the table needs no HTTP client.
 */

export interface ChannelTimeouts {
  readonly connectTimeoutMs: number;
  /** From the last byte sent to the answer's head, and between two parts of its body. */
  readonly answerTimeoutMs: number;
  /** From handing it over to the last byte of its answer, however that trickles in; `WHOLE_TIMEOUT_MS` unless given. */
  readonly wholeTimeoutMs?: number;
}

/** A healthy BatchWriteItem takes tens of ms; one that takes ten seconds will not come back. */
export const DEFAULT_TIMEOUTS: ChannelTimeouts = { connectTimeoutMs: 5000, answerTimeoutMs: 10_000 };

/**
 * An answer whose parts keep coming may last for ever. On the monotonic clock, with the connection's time in it; a body
 * that goes up has more (`UPLOAD_BYTES_PER_MS`), so that a slow line with batches of 10 MB is no fault.
 */
export const WHOLE_TIMEOUT_MS = 30_000;
/** 256 KB a second. */
export const UPLOAD_BYTES_PER_MS = 256;
