/** Opens the DynamoDB adapter on a table of its own, for its contracts and its integration tests. */
import type { IndexConfig } from '../../src/config/model.js';
import { EventBus } from '../../src/core/event-bus.js';
import type { EventRecord } from '../../src/core/events.js';
import type { ItemReader, ItemWriter } from '../../src/core/ports/target-ports.js';
import { TokenBucket } from '../../src/dynamodb/capacity/token-bucket.js';
import { connectTarget } from '../../src/dynamodb/client.js';
import { openItemReader } from '../../src/dynamodb/read/reader.js';
import type { ItemWriterOptions } from '../../src/dynamodb/write/writer-options.js';
import { openItemWriter } from '../../src/dynamodb/write/writer.js';
import { canonicalItemText } from '../../src/mapping/item/canonical.js';
import { storedBytes } from '../../src/mapping/item/stored-size.js';
import { createTable, type DynamodbServer, TEST_AWS_ENVIRONMENT } from '../support/dynamodb.js';
import { KEY_NAMES, TABLE_KEYS } from './item-writer-samples.js';

export interface TargetUnderTest extends AsyncDisposable {
  readonly table: string;
  readonly writer: ItemWriter;
  readonly reader: ItemReader;
  readonly budget: TokenBucket;
  /** Everything the adapter emitted, in order. */
  readonly events: readonly EventRecord[];
  /** Key texts that were handed to onSuspects, in order. */
  readonly suspects: string[];
  /** Canonical texts of the items that the reader had to parse. */
  readonly parsed: readonly string[];
  stored(): Promise<readonly string[]>;
}

export interface TargetOptions extends Partial<
  Pick<
    ItemWriterOptions,
    | 'maxInFlightRequests'
    | 'retryTimeoutSeconds'
    | 'onSuspects'
    | 'random'
    | 'timeouts'
    | 'budget'
    | 'rowLifeMs'
    | 'keyConflicts'
  >
> {
  /** In front of the server, a fault proxy's; the table itself is made on the server. */
  readonly endpoint?: string;
  readonly indexes?: readonly IndexConfig[];
  /** Of the reader; plenty unless given. */
  readonly readBudget?: TokenBucket;
  /** Sees each event as it is emitted. */
  readonly onEvent?: (event: EventRecord) => void;
  /** The writer puts items one by one, on the condition that what is there is older by `v`. */
  readonly conditional?: boolean;
}

export async function openTarget(server: DynamodbServer, options: TargetOptions = {}): Promise<TargetUnderTest> {
  // The emulators' credentials, by the way that an operator gives them.
  Object.assign(process.env, TEST_AWS_ENVIRONMENT);
  const {
    endpoint = server.endpoint,
    budget = new TokenBucket(1e6),
    indexes = [],
    conditional = false,
    readBudget = new TokenBucket(1e6),
    onEvent = () => undefined,
    ...given
  } = options;
  const table = await createTable(server, { ...TABLE_KEYS, indexes });
  const connection = await connectTarget({ region: null, endpoint, table: table.name });
  const events: EventRecord[] = [];
  const suspects: string[] = [];
  const emitter = new EventBus();
  emitter.onAny((event) => {
    events.push(event);
    onEvent(event);
  });
  const common = {
    connection,
    shard: 's01',
    table: table.name,
    keyNames: KEY_NAMES,
    emitter,
    budget,
    maxInFlightRequests: 4,
    retryTimeoutSeconds: 20,
    ...given,
  };
  const writer = openItemWriter({
    onSuspects: (keys) => suspects.push(...keys),
    condition: conditional ? { attribute: 'v', canonicalText: canonicalItemText, storedBytes } : null,
    ...common,
  });
  const parsed: string[] = [];
  const reader = openItemReader({
    ...common,
    budget: readBudget,
    canonicalText: (attributes) => {
      const text = canonicalItemText(attributes);
      parsed.push(text);
      return text;
    },
  });
  return {
    table: table.name,
    writer,
    reader,
    budget,
    events,
    suspects,
    parsed,
    stored: async () => (await table.items()).map((item) => canonicalItemText(item as Record<string, unknown>)),
    async [Symbol.asyncDispose]() {
      await Promise.all([writer.close(), reader.close()]);
      connection.close();
      await table[Symbol.asyncDispose]();
    },
  };
}
