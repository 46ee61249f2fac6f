/** The AWS environment of the tests. It has a module of its own, since tests that need no server import it, too. */

/** What the emulators take; DynamoDB Local wants letters and digits alone. For the environment of a child process. */
export const TEST_AWS_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_REGION: 'us-east-1',
} as const;
