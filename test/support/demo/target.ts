/** The demo's DynamoDB table as any other program sees it: through the plain SDK, without a line of dynaferry. */
import { DeleteTableCommand, DynamoDBClient, ResourceNotFoundException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';

const CREDENTIALS = { accessKeyId: 'demo', secretAccessKey: 'demo' };
const REGION = 'us-east-1';

export interface ItemKey {
  readonly pk: string;
  readonly sk: string;
}

/** Writes an item key as dynaferry's reports do. */
export function keyText({ pk, sk }: ItemKey): string {
  return JSON.stringify({ pk: { S: pk }, sk: { S: sk } });
}

/** Points the SDK, and so dynaferry, to the emulator, without a look at the user's own AWS settings. */
export function awsEnvironment(endpoint: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
  };
}

export class DemoTable {
  readonly #client: DynamoDBDocumentClient;

  constructor(
    readonly name: string,
    endpoint: string,
  ) {
    this.#client = DynamoDBDocumentClient.from(
      new DynamoDBClient({ endpoint, region: REGION, credentials: CREDENTIALS }),
    );
  }

  /** The two items of a message: from its lookup, as a reader gets there. */
  async keysOf(sid: string): Promise<{ readonly lookup: ItemKey; readonly message: ItemKey }> {
    const lookup = { pk: `MSG#${sid}`, sk: 'MSG' };
    const { Item: item } = await this.#client.send(
      new GetCommand({ TableName: this.name, Key: lookup, ConsistentRead: true }),
    );
    if (item === undefined) throw new Error(`${this.name} has no item ${keyText(lookup)}`);
    return { lookup, message: { pk: `ACCT#${String(item['account_sid'])}`, sk: String(item['log_key']) } };
  }

  /** Gives an item that is there another status. */
  async setStatus(key: ItemKey, status: string): Promise<void> {
    await this.#client.send(
      new UpdateCommand({
        TableName: this.name,
        Key: key,
        UpdateExpression: 'SET #status = :status',
        ConditionExpression: 'attribute_exists(pk) AND #status <> :status',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: { ':status': status },
      }),
    );
  }

  /** Deletes an item that is there. */
  async delete(key: ItemKey): Promise<void> {
    const condition = { ConditionExpression: 'attribute_exists(pk)' };
    await this.#client.send(new DeleteCommand({ TableName: this.name, Key: key, ...condition }));
  }

  /** Deletes the table, if it was ever made. */
  async drop(): Promise<void> {
    try {
      await this.#client.send(new DeleteTableCommand({ TableName: this.name }));
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw error;
    } finally {
      this.#client.destroy();
    }
  }
}
