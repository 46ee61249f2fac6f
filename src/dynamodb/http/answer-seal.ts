/**
 * Recognises by its headers whether DynamoDB sent an answer, or something between here and DynamoDB. AWS puts an
 * `x-amzn-requestid` on every answer. It puts an `x-amz-crc32`, the CRC32 of the body as sent, on every success (AWS,
 * "DynamoDB low-level API"). DynamoDB Local and dynalite do the same. So a success without either is not an answer, and
 * neither is a body that changed on its way. An error may lack the checksum (DynamoDB Local's do), but never has a
 * wrong one.
 */
import { crc32 } from 'node:zlib';
import { ANSWER_FAULTS, CHECKSUM, REQUEST_ID } from '../failures/answer-faults.js';

export type AnswerHeaders = Readonly<Record<string, unknown>>;

/**
 * @param headers names in lower case
 * @param body for an error status: a body with `__type` is the service's, or claims to be; the page of a proxy has none
 * @returns what is wrong, as `RequestFailure.reason`; null: the body is what the service sent
 */
export function sealFault(status: number, headers: AnswerHeaders, body: Buffer): string | null {
  const sum = headers[CHECKSUM];
  if (status === 200) {
    if (!hasRequestId(headers)) return ANSWER_FAULTS.noRequestId;
    if (sum === undefined) return ANSWER_FAULTS.noChecksum;
  } else {
    if (NAMED.test(body.toString('latin1', 0, NAME_WITHIN)) && !hasRequestId(headers)) return ANSWER_FAULTS.noRequestId;
    if (sum === undefined) return null;
  }
  return sum === String(crc32(body)) ? null : ANSWER_FAULTS.wrongChecksum;
}

const NAMED = /"__type"/;
/** Bytes of the body to search. The services put `__type` first, so this is far more than needed. */
const NAME_WITHIN = 4096;

function hasRequestId(headers: AnswerHeaders): boolean {
  const id = headers[REQUEST_ID];
  return typeof id === 'string' && id !== '';
}
