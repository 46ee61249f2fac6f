/** The values of a declared column that rows claim for their shard: each once, whatever stands between. */
import { expect, it, vi } from 'vitest';
import type { MappedItem } from '../../../../src/core/model.js';
import { RowBlock } from '../../../../src/core/row-block.js';
import type { KeyRegister } from '../../../../src/core/ports/key-register.js';
import { ShardValues } from '../../../../src/engine/claims/shard-values.js';
import { ItemBuffer } from '../../../../src/mapping/item/item-buffer.js';
import { compileSameValue } from '../../../../src/mapping/key/same-value.js';
import { compile, rule, table } from '../../mapping/tables.js';

const TABLE = table({ id: 'int unsigned', account: 'varchar(10)' });
const OWNER = { shard: 's01', table: TABLE.name };

/** Claims the values of rows, chunk by chunk. */
async function claimOf(foreign: string, ...chunks: readonly (readonly (string | null)[])[]) {
  const mapping = compile(TABLE, rule('ACCT', '{id:pad(20)}', { attributes: { columns: 'all' } }));
  const index = mapping.columns.indexOf('account');
  const asked: string[][] = [];
  const register: KeyRegister = {
    claim(owner, claims) {
      expect(owner).toEqual(OWNER);
      const values = claims.map(({ claim }) => (JSON.parse(claim) as string[])[2] ?? '');
      asked.push(values);
      const taken = values.indexOf(foreign);
      const conflict = { index: taken, shard: 's02', table: TABLE.name, cursor: '' as never };
      return Promise.resolve(taken < 0 ? [] : [conflict]);
    },
    transfer: () => Promise.resolve(false),
    holder: () => null,
    close: () => undefined,
  };
  const same = compileSameValue(mapping, 'account');
  const values = new ShardValues(register, OWNER, { name: 'account', index }, same);
  let made = 0;
  const conflicts: unknown[] = [];
  for (const [chunk, accounts] of chunks.entries()) {
    const rows = accounts.map((account, id) => mapping.columns.map((name) => (name === 'id' ? `${id}` : account)));
    const block = RowBlock.of(rows, rows[0]?.map(() => 'text') ?? []);
    const items: MappedItem[] = [];
    const out = new ItemBuffer();
    for (let row = 0; row < block.length; row += 1) mapping.mapAt(block, row, items, { now: chunk }, out);
    const cell = vi.spyOn(block, 'cell');
    const conflict = await values.claim(items);
    made += cell.mock.calls.length;
    conflicts.push(conflict?.row[index] ?? null);
  }
  return { asked, conflicts, made };
}

it('ShardValues claims each value once, and makes no text for a value that equals that of the row before', async () => {
  const first = ['a', 'a', 'b', null, null, 'b', 'c', 'aa', 'aa'];
  expect(await claimOf('none', first, ['c', 'c', 'd'], ['d'])).toEqual({
    asked: [['a', 'b', 'c', 'aa'], ['d']],
    conflicts: [null, null, null],
    made: 6 + 2 + 1,
  });
});

it('ShardValues reports the first row with a value that another shard has', async () => {
  expect(await claimOf('c', ['a', 'b', 'b', 'c', 'c'])).toMatchObject({ conflicts: ['c'] });
});
