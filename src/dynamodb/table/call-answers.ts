/**
 * Checks the answers to the rare calls before the SDK uses them. An answer must be whole within a time and a size, and
 * as the service sent it (`answer-seal.ts`). It must also have its operation's shape, for the requested table. The SDK
 * checks none of this: it takes `{}` as an answer to everything, knows no checksum, and waits for ever for a body.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Readable } from 'node:stream';
import * as z from 'zod/mini';
import { ANSWER_FAULTS } from '../failures/answer-faults.js';
import { sealFault } from '../http/answer-seal.js';
import { isTable } from '../http/answer-shape.js';
import { RequestFailure } from '../failures/service-errors.js';

/** The service answers the rare calls within some hundred ms, and an operator waits for them at a terminal. */
export const CALL_ANSWER_WITHIN_MS = 10_000;
/** The description of a table with all its indexes has some ten KB, so 1 MiB is plenty. */
const MOST_ANSWER_BYTES = 1024 * 1024;

// zod/mini, since each process of a run makes these schemas: zod's own take 20 ms more of processor time. zod does not
// compile them: that takes some ms for each shape, which a handful of answers does not save.
z.config({ jitless: true });
// Every member that another file of this folder reads is here. `call-answers.test.ts` puts wrong values
// into each. AWS: an ARN has at most 1,011 characters, and any other text has fewer. A text that is longer, or is not
// such a word, is not from the service. No message shows it.
const name = z.string().check(z.minLength(1), z.maxLength(1024));
const word = z.string().check(z.regex(/^[\w.:/-]{1,1024}$/));
const state = z.string().check(z.regex(/^\w{1,64}$/));
const units = z.number().check(z.minimum(0), z.maximum(Number.MAX_SAFE_INTEGER));
const keyElement = z.looseObject({ AttributeName: name, KeyType: z.enum(['HASH', 'RANGE']) });
const attribute = z.looseObject({ AttributeName: name, AttributeType: z.enum(['S', 'N', 'B']) });
const throughput = z.looseObject({ ReadCapacityUnits: z.nullish(units), WriteCapacityUnits: z.nullish(units) });
const index = z.looseObject({
  IndexName: word,
  KeySchema: z.array(keyElement).check(z.minLength(1)),
  IndexStatus: z.nullish(state),
  Backfilling: z.nullish(z.boolean()),
  Projection: z.nullish(z.looseObject({ ProjectionType: z.nullish(name), NonKeyAttributes: z.nullish(z.array(name)) })),
});
const table = z.looseObject({
  TableName: word,
  TableStatus: state,
  SSEDescription: z.nullish(z.looseObject({ InaccessibleEncryptionDateTime: z.nullish(z.number()) })),
  ArchivalSummary: z.nullish(z.looseObject({ ArchivalBackupArn: z.nullish(word) })),
});
const tableInUse = z
  .looseObject({
    ...table.shape,
    KeySchema: z.array(keyElement).check(z.minLength(1), z.maxLength(2)),
    AttributeDefinitions: z.array(attribute).check(z.minLength(1)),
    TableId: z.nullish(word),
    TableArn: z.nullish(word),
    CreationDateTime: z.nullish(z.number()),
    ItemCount: z.nullish(units),
    BillingModeSummary: z.nullish(z.looseObject({ BillingMode: z.nullish(name) })),
    ProvisionedThroughput: z.nullish(throughput),
    WarmThroughput: z.nullish(z.looseObject({ WriteUnitsPerSecond: z.nullish(units) })),
    Replicas: z.nullish(z.array(z.looseObject({ RegionName: z.nullish(word), ReplicaStatus: z.nullish(state) }))),
    StreamSpecification: z.nullish(z.looseObject({ StreamEnabled: z.nullish(z.boolean()) })),
    GlobalSecondaryIndexes: z.nullish(z.array(index)),
    LocalSecondaryIndexes: z.nullish(z.array(index)),
  })
  .check(
    z.refine(({ KeySchema, AttributeDefinitions, GlobalSecondaryIndexes, LocalSecondaryIndexes }) => {
      const defined = new Set(AttributeDefinitions.map(({ AttributeName }) => AttributeName));
      const types = KeySchema.map(({ KeyType }) => KeyType).join();
      const indexes = [...(GlobalSecondaryIndexes ?? []), ...(LocalSecondaryIndexes ?? [])];
      const keys = [KeySchema, ...indexes.map((each) => each.KeySchema)].flat();
      return (
        (types === 'HASH' || types === 'HASH,RANGE') && keys.every(({ AttributeName }) => defined.has(AttributeName))
      );
    }),
  );
/** AWS describes a table that is being deleted without its keys. */
const tableInDeletion = z.looseObject({
  ...table.shape,
  TableStatus: z.literal('DELETING'),
  KeySchema: z.optional(z.null()),
});
const ttl = z
  .looseObject({
    TimeToLiveStatus: z.enum(['ENABLING', 'DISABLING', 'ENABLED', 'DISABLED']),
    AttributeName: z.nullish(name),
  })
  .check(
    z.refine(
      ({ TimeToLiveStatus, AttributeName }) => TimeToLiveStatus === 'DISABLED' || typeof AttributeName === 'string',
    ),
  );

/** The key attributes of an item, by name. */
const keys = z.record(
  z.string(),
  z.union([z.looseObject({ S: z.string() }), z.looseObject({ N: z.string() }), z.looseObject({ B: z.string() })]),
);

/** The shape of each command's answer. An answer to any other command counts as unreadable. */
const SHAPES: Readonly<Record<string, z.ZodMiniType>> = {
  DescribeTableCommand: z.looseObject({ Table: z.union([tableInUse, tableInDeletion]) }),
  CreateTableCommand: z.looseObject({ TableDescription: table }),
  ScanCommand: z.looseObject({ Items: z.array(keys), LastEvaluatedKey: z.nullish(keys) }),
  DescribeTimeToLiveCommand: z.looseObject({ TimeToLiveDescription: ttl }),
  UpdateTimeToLiveCommand: z.looseObject({
    TimeToLiveSpecification: z.looseObject({ AttributeName: name, Enabled: z.boolean() }),
  }),
};

/** Makes each later call of that client fail with a RequestFailure if its answer is not one of DynamoDB's. */
export function checkAnswers(client: DynamoDBClient, withinMs = CALL_ANSWER_WITHIN_MS): void {
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const sentAt = performance.now();
        const answered = await next(args);
        const response = answered.response as HttpAnswer;
        const body = await wholeBody(response.body, withinMs - (performance.now() - sentAt));
        const fault = sealFault(response.statusCode, response.headers, body);
        if (fault !== null) throw new RequestFailure(fault, 0, true);
        const { TableName: asked } = args.input as { readonly TableName?: string };
        if (response.statusCode === 200 && !isAnswer(String(commandName), asked ?? '', body)) {
          throw new RequestFailure(ANSWER_FAULTS.unreadable, 200, true);
        }
        response.body = body;
        return answered;
      },
    // Next to the connection: before the SDK reads the answer.
    { step: 'deserialize', priority: 'low', name: 'checkAnswer' },
  );
}

interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  body: Readable | Uint8Array;
}

function isAnswer(command: string, asked: string, body: Buffer): boolean {
  try {
    const parsed = SHAPES[command]?.safeParse(JSON.parse(body.toString('utf8')));
    if (parsed?.success !== true) return false;
    const { Table, TableDescription } = parsed.data as Readonly<Record<string, z.infer<typeof table> | undefined>>;
    const described = Table ?? TableDescription;
    return described === undefined || isTable(described.TableName, asked);
  } catch {
    return false;
  }
}

/** @throws RequestFailure; the error of the stream, such as an abort, which ends it at once */
async function wholeBody(body: Readable | Uint8Array, withinMs: number): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body);
  const late = setTimeout(() => body.destroy(new RequestFailure(ANSWER_FAULTS.late, 0, true)), Math.max(1, withinMs));
  try {
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const part of body as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > MOST_ANSWER_BYTES) throw new RequestFailure(ANSWER_FAULTS.endless, 0, true);
      parts.push(part);
    }
    return Buffer.concat(parts);
  } finally {
    clearTimeout(late);
  }
}
