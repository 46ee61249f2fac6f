/**
 * connectTarget finds the way to one DynamoDB: its region, endpoint and credentials. It finds them as AWS's own SDK
 * does: config first, then environment, profile, role. The SDK makes the rare calls over it. dynaferry itself signs and
 * posts the hot ones.
 */
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { FerryError } from '../core/errors.js';
import { machineFault } from '../core/machine/machine-faults.js';
import type { TargetConfig } from '../config/model.js';
import { checkAnswers } from './table/call-answers.js';
import { mendSignatures } from './table/call-signatures.js';
import { fromSdkError } from './http/error-answer.js';
import { noCredentials, RequestSigner } from './http/request-signer.js';
import { DEFAULT_TIMEOUTS } from './http/timeouts.js';
import { CREDENTIALS_WITHIN_MS, withTimeout } from '../core/async/deadline.js';

export interface TargetConnection {
  /** For the rare calls (tables, TTL). It makes one attempt a call. */
  readonly client: DynamoDBClient;
  readonly signer: RequestSigner;
  readonly region: string;
  readonly endpoint: URL;
  /** Frees the SDK's sockets. */
  close(): void;
}

/**
 * Finds region, endpoint and credentials. It sends nothing to DynamoDB.
 * @param answersWithinMs ms within which the rare calls have to be answered; default: `CALL_ANSWER_WITHIN_MS`
 * @throws FerryError E_TARGET_CREDENTIALS if it finds no credentials; E_TARGET_CONNECT if it finds no region or no
 *   usable endpoint
 */
export async function connectTarget(
  config: Pick<TargetConfig, 'region' | 'endpoint' | 'table'>,
  answersWithinMs?: number,
): Promise<TargetConnection> {
  const given: DynamoDBClientConfig = {
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: DEFAULT_TIMEOUTS.connectTimeoutMs,
      requestTimeout: DEFAULT_TIMEOUTS.answerTimeoutMs,
      throwOnRequestTimeout: true,
    },
  };
  if (config.region !== null) given.region = config.region;
  if (config.endpoint !== null) given.endpoint = config.endpoint;
  const client = new DynamoDBClient(given);
  checkAnswers(client, answersWithinMs);
  mendSignatures(client);
  try {
    const region = await resolveRegion(client);
    const endpoint = await resolveEndpoint(client, config.table);
    const signer = new RequestSigner((options) => client.config.credentials(options ?? {}), region, endpoint);
    await signer.renewalBeforeUse();
    return { client, signer, region, endpoint, close: () => client.destroy() };
  } catch (thrown) {
    client.destroy();
    throw thrown;
  }
}

async function resolveRegion(client: DynamoDBClient): Promise<string> {
  try {
    return await client.config.region();
  } catch (cause) {
    throw (
      machineFault('looking for the AWS region', cause) ??
      new FerryError(
        'E_TARGET_CONNECT',
        'no AWS region is known',
        'set target.region in the config, or AWS_REGION, or a profile with a region; an emulator takes any',
        { cause },
      )
    );
  }
}

/**
 * Finds the endpoint as the SDK does (account endpoints, FIPS, endpoint URLs of environment and profile). The SDK finds
 * it only while it prepares a request. So this prepares one, and a middleware takes it away before the SDK signs or
 * sends it.
 */
async function resolveEndpoint(client: DynamoDBClient, table: string): Promise<URL> {
  let prepared: unknown;
  const command = new DescribeTableCommand({ TableName: table });
  command.middlewareStack.add(
    () => (args) => {
      prepared = args.request;
      return Promise.resolve({ output: { $metadata: {} }, response: {} });
    },
    { step: 'build', priority: 'low', name: 'takeAwayPreparedRequest' },
  );
  try {
    // To build an endpoint with the account id, the SDK needs credentials first.
    await withTimeout(CREDENTIALS_WITHIN_MS, client.send(command));
    const { protocol, hostname, port, path } = prepared as {
      protocol: string;
      hostname: string;
      port?: number;
      path: string;
    };
    return new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`);
  } catch (cause) {
    const reason = fromSdkError(cause).reason;
    if (reason === 'CredentialsProviderError' || reason === 'TokenProviderError') throw noCredentials(cause);
    throw (
      machineFault('looking for the endpoint of DynamoDB', cause) ??
      new FerryError(
        'E_TARGET_CONNECT',
        `the AWS SDK cannot tell the endpoint of DynamoDB (${reason})`,
        'check target.endpoint, AWS_ENDPOINT_URL_DYNAMODB and the profile: an endpoint is a URL such as https://dynamodb.eu-west-1.amazonaws.com',
        { cause },
      )
    );
  }
}
