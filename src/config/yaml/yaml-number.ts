/**
 * Decides whether YAML keeps a number exactly. YAML gives a double, which keeps 15 digits always and never more than
 * 17. The text alone decides it, for every number of the file, so that no rule changes a value silently.
 */

const DECIMAL = /^[-+]?(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d+))?$/;
const BASED = /^0[xob][0-9a-fA-F]+$/;

/** @param source as it is written @param value what YAML made of it: finite */
export function keepsItsDigits(source: string, value: number): boolean {
  if (BASED.test(source)) return BigInt(source) === BigInt(value);
  const written = digitsOf(source);
  return written !== null && written === digitsOf(String(value));
}

/**
 * Returns the significant digits and the power of ten of the last one: equal for all spellings of a number. The sign is
 * left out.
 */
function digitsOf(text: string): string | null {
  const match = DECIMAL.exec(text);
  if (match === null) return null;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${significant}e${Number(exponent) - fraction.length + (digits.length - significant.length)}`;
}
