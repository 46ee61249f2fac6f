/**
 * Names what is wrong with an answer that is not DynamoDB's, for `RequestFailure.reason`, and says who may have sent
 * it. Messages depend on this table, never on the wording of a name.
 */

/** Headers that AWS puts around each answer. */
export const REQUEST_ID = 'x-amzn-requestid';
export const CHECKSUM = 'x-amz-crc32';

export const ANSWER_FAULTS = {
  noRequestId: `answer without ${REQUEST_ID}`,
  noChecksum: `answer without ${CHECKSUM}`,
  wrongChecksum: `answer with a wrong ${CHECKSUM}`,
  unreadable: 'unreadable answer',
  endless: 'answer without end',
  /** The answer was slow, or slowed down on its way. That does not say who sent it. */
  late: 'no whole answer in time',
} as const;

/**
 * `another service`: it speaks the protocol, but without what AWS puts around each answer. `in between`: a proxy, or a
 * damaged answer.
 */
export type Answerer = 'another service' | 'in between';

const ANSWERERS: ReadonlyMap<string, Answerer> = new Map([
  [ANSWER_FAULTS.noRequestId, 'another service'],
  [ANSWER_FAULTS.noChecksum, 'another service'],
  [ANSWER_FAULTS.wrongChecksum, 'in between'],
  [ANSWER_FAULTS.unreadable, 'in between'],
  [ANSWER_FAULTS.endless, 'in between'],
]);

/**
 * @param reason of a RequestFailure
 * @returns who may have answered; null: nothing shows that it was not DynamoDB
 */
export function answererOf(reason: string): Answerer | null {
  return ANSWERERS.get(reason) ?? null;
}
