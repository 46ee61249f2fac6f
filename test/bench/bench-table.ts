/** The table that the benchmarks' own targets describe: as DynamoDB would, or dynaferry takes the answer for none. */

/** @param throughput what the table says of its capacity @returns the text of an answer to DescribeTable */
export function tableDescription(name: string, throughput: object): string {
  return JSON.stringify({
    Table: {
      TableName: name,
      TableId: 'bench',
      TableStatus: 'ACTIVE',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
      ],
      ...throughput,
    },
  });
}
