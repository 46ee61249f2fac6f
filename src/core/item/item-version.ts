/**
 * Decides which of two items is newer, by the attribute that holds their version. All of dynaferry uses this rule, and
 * DynamoDB decides the same way by the condition that writes carry. Versions compare only where both are numbers, or
 * both are texts of one length. Texts of different lengths do not sort by their meaning: `9` and `10`, or times with
 * different numbers of digits.
 */

/** How the version of the item in the target compares to that of another item. */
export type VersionOrder = 'older' | 'equal' | 'newer' | 'incomparable';

/**
 * Compares two versions.
 * @param held and
 * @param other: attribute values as DynamoDB JSON, numbers in canonical form; undefined where the attribute is absent
 */
export function versionOrder(held: unknown, other: unknown): VersionOrder {
  const [left, right] = [versionOf(held), versionOf(other)];
  if (left === null || right === null || left.type !== right.type) return 'incomparable';
  if (left.type === 'N') return orderOf(compareNumbers(left.text, right.text));
  if (left.text.length !== right.text.length) return 'incomparable';
  return orderOf(left.text < right.text ? -1 : left.text > right.text ? 1 : 0);
}

interface Version {
  readonly type: 'N' | 'S';
  readonly text: string;
}

function versionOf(value: unknown): Version | null {
  if (typeof value !== 'object' || value === null) return null;
  if ('N' in value && typeof value.N === 'string') return { type: 'N', text: value.N };
  // Only ASCII can be a version: in other texts the length in bytes differs from the length here.
  if ('S' in value && typeof value.S === 'string' && ASCII.test(value.S)) return { type: 'S', text: value.S };
  return null;
}

const ASCII = /^[\0-\x7f]*$/;

function orderOf(sign: number): VersionOrder {
  return sign < 0 ? 'older' : sign > 0 ? 'newer' : 'equal';
}

/** Compares the digits, because a float could not tell versions of 16 digits apart. */
function compareNumbers(a: string, b: string): number {
  const [negativeA, negativeB] = [a.startsWith('-'), b.startsWith('-')];
  if (negativeA !== negativeB) return negativeA ? -1 : 1;
  const sign = compareMagnitudes(negativeA ? a.slice(1) : a, negativeB ? b.slice(1) : b);
  return negativeA ? -sign : sign;
}

/** Compares two plain decimals without superfluous zeros. */
function compareMagnitudes(a: string, b: string): number {
  const [wholeA = '', fractionA = ''] = a.split('.');
  const [wholeB = '', fractionB = ''] = b.split('.');
  if (wholeA.length !== wholeB.length) return wholeA.length - wholeB.length;
  if (wholeA !== wholeB) return wholeA < wholeB ? -1 : 1;
  return fractionA < fractionB ? -1 : fractionA > fractionB ? 1 : 0;
}
