/**
 * Items that are the same are known without parsing, in whatever order a service answers their attributes; others are
 * parsed.
 */
import { describe, expect, test } from 'vitest';
import { SAME } from '../../../src/core/item/found-item.js';
import type { MappedItem } from '../../../src/core/model.js';
import { canonicalItemText } from '../../../src/mapping/item/canonical.js';
import { sampleItem } from '../../contract/item-writer-samples.js';
import { openTarget } from '../../contract/item-writer-target.js';
import { dynamodbServers } from '../../support/dynamodb.js';
import { parseItem } from '../../../src/engine/verify/compare.js';
import { bytesOf } from '../../support/mapped-item.js';

const never = new AbortController().signal;

/** `others` beside the keys of a sample. */
function itemOf(sort: string, others: Readonly<Record<string, unknown>>): MappedItem {
  const sample = sampleItem('A', sort);
  return { ...sample, ...bytesOf(canonicalItemText({ ...parseItem(sample.text), ...others })) };
}

const PLAIN = {
  zeta: { S: 'héllo "wörld" \\ 你好\n\u0001/' },
  account_sid: { S: '' },
  'quoted "name"\\ é': { S: '"},{"' },
  price: { N: '-0.0075' },
  large: { N: '12345678901234567890123456789012345678' },
  raw: { B: Buffer.from([0, 255, 128, 62, 63]).toString('base64') },
  yes: { BOOL: true },
  none: { NULL: true },
  list: { L: [{ S: 'a' }, { N: '1' }, { L: [] }] },
};

describe.each(dynamodbServers)('items that are the same: $name', (server) => {
  test('the item reader recognizes equal items of plain attributes without parsing them', async () => {
    await using target = await openTarget(server);
    const items = Array.from({ length: 120 }, (_, i) =>
      itemOf(String(i), i % 3 === 0 ? PLAIN : { ...PLAIN, [`n${String(i)}`]: { N: String(i) } }),
    );
    await target.writer.write(items);
    expect((await target.reader.read(items, never)).found).toEqual(items.map(() => SAME));
    expect(target.parsed).toEqual([]);
  });

  test('the item reader recognizes equal sets, maps and numbers that come back in another form', async () => {
    await using target = await openTarget(server);
    const others = {
      s: { SS: ['b', 'a', 'é', '😀', '\uffff'] },
      n: { NS: ['10', '9', '1e3', '-1.50'] },
      b: { BS: ['/w==', 'AA==', 'AAA='] },
      m: { M: { z: { N: '1' }, a: { M: { y: { S: 'y' }, x: { S: 'x' } } }, é: { S: '' } } },
      // DynamoDB Local answers it as `\ud83d\ude00`.
      smile: { S: '😀' },
      small: { N: '1e-130' },
      big: { N: '9.99e125' },
    };
    const items = [itemOf('1', others), itemOf('2', { ...others, ...PLAIN })];
    await target.writer.write(items);
    expect((await target.reader.read(items, never)).found).toEqual([SAME, SAME]);
  });

  test('the item reader parses every item that differs', async () => {
    await using target = await openTarget(server);
    const stored = [itemOf('1', PLAIN), itemOf('2', PLAIN), itemOf('3', PLAIN), itemOf('4', PLAIN)];
    await target.writer.write(stored);
    const asked = [
      itemOf('1', { ...PLAIN, price: { N: '-0.0076' } }),
      itemOf('2', { ...PLAIN, zeta: { S: PLAIN.account_sid.S }, account_sid: PLAIN.zeta }),
      itemOf('3', { ...PLAIN, more: { S: '' } }),
      itemOf('4', PLAIN),
    ];
    const [first, second, third] = stored.map(({ text }) => text);
    expect((await target.reader.read(asked, never)).found).toEqual([first, second, third, SAME]);
    expect([...target.parsed].sort()).toEqual([first, second, third].sort());
  });
});
