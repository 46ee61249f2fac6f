/**
 * The window in ms in which a request without an answer may still be applied after it was sent. Until it ends, no read
 * of the request's item is final.
 *
 * AWS accepts a request until 15 minutes after the date in its signature (Signature Version 4, "Elements of an AWS API
 * request signature: time stamp"). It accepts dates up to 5 minutes ahead of its own clock. So the window is 20 minutes
 * from sending when this machine's clock is ahead. AWS refuses a date that is further ahead at once
 * (RequestTimeTooSkewed), and the signer then uses the service's clock. One case is not covered: something on the way
 * delays such a request until AWS's clock is within 5 minutes of the date.
 */
export const LATE_WRITE_WINDOW_MS = 20 * 60_000;
