/**
 * Limits on the time of a request, for every sender. They have their own file, so that a command that only describes
 * the table loads no HTTP client.
 */

export interface ChannelTimeouts {
  readonly connectTimeoutMs: number;
  /** From the last byte sent to the head of the answer, and between two parts of its body. */
  readonly answerTimeoutMs: number;
  /**
   * From the start of the request to the last byte of its answer, however slowly that arrives. Default:
   * `WHOLE_TIMEOUT_MS`.
   */
  readonly wholeTimeoutMs?: number;
}

/** A healthy BatchWriteItem takes tens of ms. One that takes ten seconds will get no answer. */
export const DEFAULT_TIMEOUTS: ChannelTimeouts = { connectTimeoutMs: 5000, answerTimeoutMs: 10_000 };

/**
 * Bounds an answer whose parts keep coming, which could last for ever. It counts on the monotonic clock and includes
 * the time to connect. The body of a request adds to it (`UPLOAD_BYTES_PER_MS`), so that a slow line can send batches
 * of 10 MB.
 */
export const WHOLE_TIMEOUT_MS = 30_000;
/** 256 bytes a ms are 256 kB a second. */
export const UPLOAD_BYTES_PER_MS = 256;
