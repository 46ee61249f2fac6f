/**
 * RequestSigner signs prepared bodies with AWS Signature Version 4, synchronously, with credentials of the SDK's own
 * chain. It renews them before they expire, and corrects the clock when the service says that it is off.
 */
import { FerryError } from '../../core/errors.js';
import { machineFault } from '../../core/machine/machine-faults.js';
import { BodySigner } from './body-signer.js';
import { fromSdkError } from './error-answer.js';
import { CLOCK_SKEW, EXPIRED_CREDENTIALS, RequestFailure } from '../failures/service-errors.js';
import { CREDENTIALS_WITHIN_MS, withTimeout } from '../../core/async/deadline.js';

export interface SignerCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

export type CredentialProvider = (options?: { forceRefresh?: boolean }) => Promise<SignerCredentials>;

export interface SignedRequest {
  readonly headers: Record<string, string>;
  /** The credentials that signed it. The caller compares them with newer ones. */
  readonly credentials: SignerCredentials;
}

interface PreparedRequest {
  readonly operation: string;
  readonly date: string;
  readonly credentials: SignerCredentials;
  /** All headers except Authorization. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signer: BodySigner;
}

/** The SDK's own margin: it renews temporary credentials five minutes before they expire. */
const RENEW_BEFORE_MS = 5 * 60_000;
/** Credentials that expire sooner sign no further request. */
const UNUSABLE_BEFORE_MS = 15_000;
/** Time between two renewals in the background, in ms. */
const RENEW_EVERY_MS = 10_000;
/**
 * DynamoDB accepts signatures that are up to five minutes off. If the clock is off by less than this, the service
 * refused for another reason.
 */
const SKEW_MS = 4 * 60_000;

export class RequestSigner {
  readonly #provider: CredentialProvider;
  readonly #region: string;
  readonly #host: string;
  readonly #path: string;
  #credentials: SignerCredentials | null = null;
  #renewal: Promise<void> | null = null;
  #forcedRenewal: Promise<void> | null = null;
  #renewNotBefore = 0;
  #clockOffsetMs = 0;
  #dateSecond = 0;
  #date = '';
  #latest: PreparedRequest | null = null;

  constructor(provider: CredentialProvider, region: string, endpoint: URL) {
    this.#provider = provider;
    this.#region = region;
    this.#host = endpoint.host;
    this.#path = endpoint.pathname;
  }

  /**
   * Renews the credentials if they expire soon: in the background while they still serve. Usually it only compares two
   * times.
   * @returns a promise to wait for if the credentials no longer serve; else null
   */
  renewalBeforeUse(): Promise<void> | null {
    const expiration = this.#credentials?.expiration;
    if (this.#credentials !== null && expiration === undefined) return null;
    const left = expiration === undefined ? -Infinity : expiration.getTime() - this.#now();
    if (left > RENEW_BEFORE_MS) return null;
    if (left > UNUSABLE_BEFORE_MS) {
      if (performance.now() >= this.#renewNotBefore) {
        this.#renewNotBefore = performance.now() + RENEW_EVERY_MS;
        this.#renew().catch(() => undefined); // the credentials at hand still serve, and the next call tries again
      }
      return null;
    }
    return this.#renew();
  }

  /**
   * @param operation such as `BatchWriteItem`
   * @param body exactly the bytes that will be sent
   */
  sign(operation: string, body: Buffer): SignedRequest {
    const credentials = this.#credentials;
    if (credentials === null) throw noCredentials(null);
    const date = this.#amzDate();
    let latest = this.#latest;
    if (latest?.date !== date || latest.operation !== operation || latest.credentials !== credentials) {
      latest = this.#latest = this.#prepare(operation, date, credentials);
    }
    return { headers: { ...latest.headers, authorization: latest.signer.authorize(body) }, credentials };
  }

  /** Prepares everything of a request except its body. */
  #prepare(operation: string, date: string, credentials: SignerCredentials): PreparedRequest {
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    const headers: Record<string, string> = {
      host: this.#host,
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      'x-amz-date': date,
      ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
    };
    const signer = new BodySigner(
      {
        method: 'POST',
        path: this.#path,
        service: 'dynamodb',
        region: this.#region,
        headers,
        doNotModifyHeaders: true,
      },
      { accessKeyId, secretAccessKey },
    );
    signer.datetime = date;
    return { operation, date, credentials, headers, signer };
  }

  /**
   * Mends what made the service refuse a signature, if that is possible.
   * @returns true if the same request, signed again, may now pass
   */
  async mend(failure: RequestFailure, signedWith: SignerCredentials): Promise<boolean> {
    if (EXPIRED_CREDENTIALS.has(failure.reason)) {
      if (!sameCredentials(signedWith, this.#credentials)) return true;
      await this.#renewByForce(signedWith);
      return !sameCredentials(signedWith, this.#credentials);
    }
    if (CLOCK_SKEW.has(failure.reason) && failure.serverTime !== null) {
      const offset = failure.serverTime - Date.now();
      if (Math.abs(offset - this.#clockOffsetMs) < SKEW_MS) return false;
      this.#clockOffsetMs = offset;
      this.#dateSecond = 0;
      return true;
    }
    return false;
  }

  /** Renews the credentials. All callers that need it share one renewal. */
  #renew(): Promise<void> {
    if (this.#forcedRenewal !== null) return this.#forcedRenewal;
    this.#renewal ??= this.#fetch(false).finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  /**
   * Renews credentials that the service refused. A renewal that is not forced may return the same ones: the SDK answers
   * with those at hand in their last five minutes. It fetches others in the background. So this one waits for such a
   * renewal first, and then forces its own. Until it ends, no other renewal starts, so that none puts older credentials
   * over newer ones.
   */
  #renewByForce(refused: SignerCredentials): Promise<void> {
    this.#forcedRenewal ??= this.#fetchOthersThan(refused).finally(() => {
      this.#forcedRenewal = null;
    });
    return this.#forcedRenewal;
  }

  async #fetchOthersThan(refused: SignerCredentials): Promise<void> {
    await this.#renewal?.catch(() => undefined);
    if (sameCredentials(refused, this.#credentials)) await this.#fetch(true);
  }

  async #fetch(force: boolean): Promise<void> {
    try {
      this.#credentials = await withTimeout(CREDENTIALS_WITHIN_MS, this.#provider(force ? { forceRefresh: true } : {}));
    } catch (thrown) {
      // During a run of weeks, a metadata service may fail for a moment. At the start, a failure means that this
      // machine has no credentials.
      if (this.#credentials === null) throw noCredentials(thrown);
      throw new RequestFailure(`credential renewal: ${fromSdkError(thrown).reason}`, 0, false);
    }
  }

  #now(): number {
    return Date.now() + this.#clockOffsetMs;
  }

  /** Returns the time as `20250131T235959Z`, built once a second. */
  #amzDate(): string {
    const second = Math.floor(this.#now() / 1000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#date = `${new Date(second * 1000).toISOString().replace(/[-:]/g, '').slice(0, 15)}Z`;
    }
    return this.#date;
  }
}

function sameCredentials(a: SignerCredentials, b: SignerCredentials | null): boolean {
  return b !== null && a.accessKeyId === b.accessKeyId && a.sessionToken === b.sessionToken;
}

export function noCredentials(cause: unknown): FerryError {
  return (
    machineFault('looking for AWS credentials', cause) ??
    new FerryError(
      'E_TARGET_CREDENTIALS',
      'no AWS credentials were found in the environment, the profile or this machine’s role, or they have expired',
      'set AWS_PROFILE (and run `aws sso login` where it uses SSO), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role; an emulator takes any',
      { cause },
    )
  );
}
