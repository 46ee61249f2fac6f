/**
 * Makes a RequestFailure of an error answer of DynamoDB: raw (HTTP status and JSON body), or as the SDK throws it. It
 * keeps the names, and the item that a failed condition met. It keeps no texts, as they may quote keys.
 */
import { ofServer } from '../../core/text/shown-text.js';
import { RequestFailure } from '../failures/service-errors.js';
import { wordsIn, type ServiceWords } from '../failures/service-words.js';

/**
 * @param body JSON with `__type`, such as `com.amazonaws.dynamodb.v20120810#ThrottlingException`; the status names any
 *   other body (a proxy's page)
 * @param serverTime the Date header in ms since the epoch, or null
 */
export function parseErrorAnswer(status: number, body: string, serverTime: number | null): RequestFailure {
  const answer = parseObject(body);
  const type = answer?.['__type'];
  const reason = typeof type === 'string' && type !== '' ? afterHash(type) : `HTTP ${status}`;
  return new RequestFailure(
    reason,
    status,
    true,
    throttlingReasons(answer ?? {}),
    serverTime,
    answer?.['Item'],
    wordsOf(answer),
  );
}

/** Turns an error that an SDK call threw into a RequestFailure: an error of the service or of the connection. */
export function fromSdkError(thrown: unknown): RequestFailure {
  if (thrown instanceof RequestFailure) return thrown;
  if (!(thrown instanceof Error)) return new RequestFailure('unknown error', 0, true);
  const fields = thrown as Error & SdkErrorFields;
  const status = fields.$metadata?.httpStatusCode ?? 0;
  if (status > 0 || typeof fields.code !== 'string') {
    const words = wordsIn(thrown.message);
    return new RequestFailure(
      afterHash(thrown.name),
      status,
      status > 0,
      throttlingReasons(fields),
      null,
      undefined,
      words,
    );
  }
  return connectionFailure(fields.code);
}

/**
 * Returns the failure of a connection that failed before it was up, so that nothing was sent. The code is Node's,
 * undici's or OpenSSL's.
 */
export function connectionFailure(code: string): RequestFailure {
  return new RequestFailure(code, 0, false);
}

/** Reads `message`, as the API has it, or `Message`, as a server in front of the API may write it. */
function wordsOf(answer: Record<string, unknown> | null): ServiceWords {
  return wordsIn(answer?.['message'] ?? answer?.['Message']);
}

function afterHash(type: string): string {
  return type.slice(type.indexOf('#') + 1).split(':', 1)[0] ?? type;
}

interface WithThrottlingReasons {
  readonly ThrottlingReasons?: unknown;
  readonly throttlingReasons?: unknown;
}

interface SdkErrorFields extends WithThrottlingReasons {
  readonly code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** A request has fewer reasons: it concerns one table, its indexes and one account. */
const MOST_REASONS = 50;

/** Reads `ThrottlingReasons` (API reference) or `throttlingReasons` (the SDK's types, and some answers). */
function throttlingReasons(answer: WithThrottlingReasons): readonly string[] {
  const listed = answer.ThrottlingReasons ?? answer.throttlingReasons;
  if (!Array.isArray(listed)) return [];
  return listed.slice(0, MOST_REASONS).flatMap((entry: unknown) => {
    const reason = typeof entry === 'object' && entry !== null && 'reason' in entry ? entry.reason : undefined;
    return typeof reason === 'string' ? [ofServer(reason)] : [];
  });
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
