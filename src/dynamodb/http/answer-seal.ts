/**
 * Tells an answer of DynamoDB from one of something in between, by its headers. AWS puts an `x-amzn-requestid` on every
 * answer, and on every success an `x-amz-crc32`, the CRC32 of the body as sent (AWS, "DynamoDB low-level API"; DynamoDB
 * Local and dynalite do too). So a success without either is not an answer, and neither is a body that changed on its
 * way. An error may lack the checksum (DynamoDB Local's do), but never has a wrong one.
 */
import { crc32 } from 'node:zlib';
import { ANSWER_FAULTS, CHECKSUM, REQUEST_ID } from '../failures/answer-faults.js';

export type AnswerHeaders = Readonly<Record<string, unknown>>;

/**
 * @param headers names in lower case
 * @param body of an error: one that names itself is the service's, or claims to be; a page of something in between says
 * so by its status
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
/** Far behind where the services put it: first. */
const NAME_WITHIN = 4096;

function hasRequestId(headers: AnswerHeaders): boolean {
  const id = headers[REQUEST_ID];
  return typeof id === 'string' && id !== '';
}
