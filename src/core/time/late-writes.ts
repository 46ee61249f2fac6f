/**
 * How long after it was sent a request without an answer may still be applied: before that, nothing read from its item
 * is final. AWS takes a request until 15 minutes after the date in its signature (Signature Version 4, "Elements of an
 * AWS API request signature: time stamp"), and it takes dates that lie up to 5 minutes ahead of its own clock. So a
 * clock of this machine that is ahead makes it 20 minutes from sending. A date that is further ahead is refused at once
 * (RequestTimeTooSkewed), and the signer then goes by the service's clock. Not covered: a request of such a date that
 * something on the way holds back until AWS's clock has come within 5 minutes of it.
 */
export const LATE_WRITE_WINDOW_MS = 20 * 60_000;
