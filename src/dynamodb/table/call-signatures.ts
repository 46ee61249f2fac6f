/**
 * Signs a rare call again where its signature was refused, and sends it once more, as the hot calls do
 * (`request-signer.ts`). A look at the table must not end a run whose writes would go on.
 *
 * Covered: credentials that the service calls expired (fetched by force, which the SDK never does); a clock that is off
 * (the SDK corrects its own by the Date of the error, but never uses that with a single attempt). Where credentials
 * cannot be fetched for a moment, though the present ones still serve, `target-guard.ts` waits.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { fromSdkError } from '../http/error-answer.js';
import { CLOCK_SKEW, EXPIRED_CREDENTIALS, RequestFailure } from '../failures/service-errors.js';
import { CREDENTIALS_WITHIN_MS, withTimeout } from '../../core/async/deadline.js';

/** ExpiredToken and a wrong clock can meet in one request; nothing needs a third mending. */
const MENDINGS = 2;

/** From now on each call of that client mends what made the service refuse its signature, where it can be mended. */
export function mendSignatures(client: DynamoDBClient): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      for (let mendings = 0; ; mendings++) {
        try {
          return await next(args);
        } catch (thrown) {
          if (mendings === MENDINGS || !(await mended(client, thrown))) throw thrown;
        }
      }
    },
    { step: 'initialize', name: 'mendSignature' },
  );
}

/** @throws RequestFailure where new credentials cannot be had now: that may pass */
async function mended(client: DynamoDBClient, thrown: unknown): Promise<boolean> {
  const { reason } = fromSdkError(thrown);
  if (EXPIRED_CREDENTIALS.has(reason)) {
    try {
      await withTimeout(CREDENTIALS_WITHIN_MS, client.config.credentials({ forceRefresh: true }));
      return true;
    } catch (failed) {
      throw new RequestFailure(`credential renewal: ${fromSdkError(failed).reason}`, 0, false);
    }
  }
  return CLOCK_SKEW.has(reason) && (thrown as SdkError).$metadata?.clockSkewCorrected === true;
}

/** As the SDK marks what it corrected its clock by. */
interface SdkError {
  readonly $metadata?: { readonly clockSkewCorrected?: boolean };
}
