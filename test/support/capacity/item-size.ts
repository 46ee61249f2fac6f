/**
 * Computes the size of an item and its write units from DynamoDB JSON, as AWS documents them. It is the adversary's own
 * arithmetic, so that it shares no mistake with the product.
 */

type Value = Readonly<Record<string, unknown>>;

export function itemBytes(item: Readonly<Record<string, Value>>): number {
  return attributesBytes(item);
}

export function writeUnitsOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / 1024));
}

function attributesBytes(attributes: Readonly<Record<string, Value>>): number {
  return Object.entries(attributes).reduce((sum, [name, value]) => sum + utf8(name) + valueBytes(value), 0);
}

function valueBytes(value: Value): number {
  const [type = '', held] = Object.entries(value)[0] ?? [];
  switch (type) {
    case 'S':
      return utf8(held as string);
    case 'N':
      return numberBytes(held as string);
    case 'B':
      return Buffer.from(held as string, 'base64').length;
    case 'SS':
      return total(held as string[], utf8);
    case 'NS':
      return total(held as string[], numberBytes);
    case 'BS':
      return total(held as string[], (text) => Buffer.from(text, 'base64').length);
    case 'L':
      return 3 + total(held as Value[], (element) => 1 + valueBytes(element));
    case 'M': {
      const map = held as Record<string, Value>;
      return 3 + Object.keys(map).length + attributesBytes(map);
    }
    default:
      return 1; // BOOL, NULL
  }
}

/**
 * Digits paired around the decimal point, zero pairs trimmed at both ends, a byte a pair, one more, and one for a
 * minus.
 */
function numberBytes(text: string): number {
  const [, minus = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)([0-9]*)[.]?([0-9]*)(?:[eE]([+-]?[0-9]+))?$/.exec(text) ?? [];
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  const first = digits.search(/[1-9]/);
  if (first === -1) return 1;
  const last = digits.replace(/0+$/, '').length - 1;
  // Places count from the point: 0 and 1 are one pair, -1 and -2 another.
  const pair = (index: number): number => Math.floor((point - 1 - index) / 2);
  return Math.min(21, pair(first) - pair(last) + 1 + 1 + (minus === '' ? 0 : 1));
}

function utf8(text: string): number {
  return Buffer.byteLength(text);
}

function total<T>(values: readonly T[], bytes: (value: T) => number): number {
  return values.reduce((sum, value) => sum + bytes(value), 0);
}
