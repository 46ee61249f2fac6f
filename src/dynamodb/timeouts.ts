/** How long a request may take, whoever sends it. In a file of its own: a command that only asks for the table needs no HTTP client. */

export interface ChannelTimeouts {
  readonly connectTimeoutMs: number;
  /** From the last byte sent to the answer's head, and between two parts of its body. */
  readonly answerTimeoutMs: number;
}

/** A healthy BatchWriteItem takes tens of ms; one that takes ten seconds will not come back. */
export const DEFAULT_TIMEOUTS: ChannelTimeouts = { connectTimeoutMs: 5000, answerTimeoutMs: 10_000 };
