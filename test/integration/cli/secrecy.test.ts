/**
 * Other people's phone numbers and messages stay out of every output, whatever goes wrong; `diff --show-values` alone
 * shows them.
 */
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { createMigration, onePair } from '../../support/migration.js';

const PHONE = '+49151MARKER';
const BODY = 'MARKER-body of a message';

describe.each(onePair)('row values from $name', { timeout: 120_000 }, (servers) => {
  it('row values appear in no output that does not show them on request', async () => {
    await using migration = await createMigration({ servers, rows: 60 });
    const query = async (sql: string, values: readonly unknown[]): Promise<void> => {
      await migration.databases[0]?.query(sql, values);
    };
    await query('UPDATE messages SET body = ?, from_number = ?, to_number = ?, error_message = ?', [
      BODY,
      PHONE,
      PHONE,
      BODY,
    ]);
    const outputs: string[] = [];
    const run = async (args: readonly string[], code: number): Promise<string> => {
      const result = await migration.run(args);
      expect(result, args.join(' ')).toMatchObject({ code });
      outputs.push(`${args.join(' ')}\n${result.stdout}\n${result.stderr}`);
      return result.stdout;
    };

    const shown = await run(['diff', '--show-values'], 0);
    expect(shown).toContain(BODY);
    expect(shown).toContain(PHONE);
    expect(outputs.pop()).toContain('--show-values');

    for (const args of [['check'], ['plan'], ['diff'], ['diff', '--json'], ['backfill', '--json']]) await run(args, 0);
    // Everything that can be wrong with a value, and with an item.
    const [item, other] = (await migration.items()).filter(({ body }) => body !== undefined);
    if (item === undefined || other === undefined) throw new Error('there are no items');
    const put = {
      TableName: migration.table.name,
      Item: { ...item, body: { S: `${BODY}, changed` }, to_number: { N: '1' } },
    };
    await migration.table.client.send(new PutItemCommand(put));
    await query('UPDATE messages SET media = ? WHERE sid = ?', [`[${BODY}`, other['sid']?.S]);
    for (const args of [
      ['check'],
      ['diff', '--sample', '60'],
      ['diff', '--sample', '60', '--json'],
      ['verify'],
      ['verify', '--json'],
    ]) {
      await run(args, args[0] === 'check' ? 0 : 1);
    }
    for (const args of [
      ['backfill', '--dry-run'],
      ['backfill', '--restart'],
      ['backfill', '--restart', '--json'],
    ])
      await run(args, 1);
    for (const args of [['status'], ['status', '--json']]) await run(args, 0);

    expect(outputs).toHaveLength(15);
    expect(outputs.join('\n')).toMatch(/bad row/);
    expect(outputs.join('\n')).toMatch(/differing .* body, to_number/);
    for (const output of outputs) expect(output).not.toMatch(/MARKER/);
  });
});
