/**
 * Signs a rare call again after the service refused its signature, and sends it once more, as the hot calls do
 * (`request-signer.ts`). A look at the table must not end a run whose writes could continue.
 *
 * Two cases are covered. If the service calls credentials expired, this file fetches new ones by force, which the SDK
 * never does. If the clock is off, the SDK corrects its own by the Date of the error, but never uses that with a single
 * attempt. If new credentials cannot be fetched for a moment while the present ones still serve, `target-guard.ts`
 * waits.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { fromSdkError } from '../http/error-answer.js';
import { CLOCK_SKEW, EXPIRED_CREDENTIALS, RequestFailure } from '../failures/service-errors.js';
import { CREDENTIALS_WITHIN_MS, withTimeout } from '../../core/async/deadline.js';

/** Expired credentials and a wrong clock can both hit one request. Nothing needs a third mending. */
const MENDINGS = 2;

/** Makes each later call of that client mend what made the service refuse its signature, if that is possible. */
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

/**
 * @returns true if the same call may now pass
 * @throws RequestFailure if new credentials cannot be fetched now; that may pass
 */
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

/** The SDK's mark on an error by which it corrected its clock. */
interface SdkError {
  readonly $metadata?: { readonly clockSkewCorrected?: boolean };
}
