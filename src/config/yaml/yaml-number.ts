/**
 * Whether a number of YAML means what it says: YAML gives a double, which holds 15 digits for certain and no more than
 * 17. Told from the text alone, for every number of the file, so that no rule changes a value silently.
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
 * Significant digits and the power of ten of the last one: the same for all spellings of a number, its sign left out.
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
