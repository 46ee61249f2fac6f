/** Makes the rare calls through the SDK (tables, TTL). It makes few tries, and turns failures into FerryErrors. */
import { interrupted, type FerryError } from '../../core/errors.js';
import { retryDelay } from '../failures/backoff.js';
import { fromSdkError } from '../http/error-answer.js';
import { pause, throwIfInterrupted } from '../../core/async/sleep.js';
import { judge, invalidRequest, unavailable } from '../failures/service-errors.js';
import { WHOLE_TIMEOUT_MS } from '../http/timeouts.js';
import { CREDENTIALS_WITHIN_MS, withTimeout } from '../../core/async/deadline.js';

/** An operator waits at a terminal, so an endpoint that is down should show soon. */
const ATTEMPTS = 4;
/** The limit of one attempt, in ms, from the search for credentials to the answer. */
const CALL_WITHIN_MS = CREDENTIALS_WITHIN_MS + WHOLE_TIMEOUT_MS;

/**
 * Calls the service, and tries again after failures that may pass.
 * @param expected what failures of these names mean to the caller
 * @throws FerryError E_TARGET_CONNECT, E_TARGET_UNAVAILABLE, E_TARGET_ACCESS, E_TARGET_CREDENTIALS, E_TARGET_REQUEST,
 *   E_TARGET_GONE, E_INTERRUPTED
 */
export async function callService<T>(
  operation: string,
  table: string,
  signal: AbortSignal,
  send: () => Promise<T>,
  expected: Readonly<Partial<Record<string, () => T>>> = {},
): Promise<T> {
  const begun = performance.now();
  for (let attempt = 1; ; attempt++) {
    throwIfInterrupted(signal);
    try {
      return await heardOut(send(), signal);
    } catch (thrown) {
      throwIfInterrupted(signal);
      const failure = fromSdkError(thrown);
      const handled = expected[failure.reason];
      if (handled !== undefined) return handled();
      const verdict = judge(failure, operation, table);
      if (verdict.kind === 'fatal') throw verdict.error;
      if (verdict.kind === 'invalid') throw invalidRequest(operation, table, failure);
      if (attempt === ATTEMPTS) throw gaveUp(operation, table, failure, begun);
      await pause(retryDelay(attempt + 1, Math.random), signal);
    }
  }
}

/**
 * Ends the wait as soon as the signal comes. The SDK itself reacts to a signal only while its request is under way, not
 * while it looks for credentials.
 * @throws FerryError E_INTERRUPTED
 */
async function heardOut<T>(waiting: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort = (): void => undefined;
  const ended = new Promise<never>((_, reject) => {
    abort = () => reject(interrupted());
    signal.addEventListener('abort', abort);
  });
  try {
    return await withTimeout(CALL_WITHIN_MS, Promise.race([waiting, ended]));
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function gaveUp(operation: string, table: string, failure: ReturnType<typeof fromSdkError>, begun: number): FerryError {
  return unavailable(operation, table, failure, Math.ceil((performance.now() - begun) / 1000));
}
