import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foundAs } from '../../../../src/core/item/found-item.js';
import { digestWithout, targetDigest } from '../../../../src/engine/verify/target-digest.js';
import { DigestSum } from '../../../../src/mapping/item/digest.js';
import { sampleItem } from '../../../contract/item-writer-samples.js';

function sumOf(texts: readonly string[]): string {
  const sum = new DigestSum();
  for (const text of texts) sum.add(text);
  return sum.toString();
}

test('targetDigest is the sum of the digests of all canonical texts that the target holds', () => {
  const held = fc.oneof(fc.constant('same'), fc.constant('other'), fc.constant(null));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ unit: 'binary' }), held), { maxLength: 6 }), (pairs) => {
      const items = pairs.map(([body], i) => sampleItem('A', String(i), body));
      const texts = pairs.map(([body, what], i) =>
        what === null ? null : what === 'same' ? (items[i]?.text ?? '') : sampleItem('A', String(i), `${body}?`).text,
      );
      const found = items.map((item, i) => {
        const text = texts[i] ?? null;
        return text === null ? null : foundAs(text, item);
      });
      const mapped = { items, digest: sumOf(items.map(({ text }) => text)) };
      expect(targetDigest(mapped, found)).toBe(sumOf(texts.filter((text) => text !== null)));
    }),
  );
});

test('digestWithout leaves out what TTL may have deleted, so that equal sides have equal sums', () => {
  const items = ['a', 'b', 'c', 'd'].map((body, i) => sampleItem('A', String(i), body));
  const mapped = { items, digest: sumOf(items.map(({ text }) => text)) };
  const [first, , third] = items;
  if (first === undefined || third === undefined) throw new Error('no items');
  const found = items.map((item) => (item === first || item === third ? null : foundAs(item.text, item)));
  expect(digestWithout(mapped, [], [])).toBe(mapped.digest);
  expect(digestWithout(mapped, [first], [third.keyText])).toBe(targetDigest(mapped, found));
  expect(digestWithout(mapped, [first, third], [])).toBe(targetDigest(mapped, found));
});
