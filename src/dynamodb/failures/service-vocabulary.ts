/**
 * Lists the words that texts of the service consist of, so that a message can show an unknown text by them. Names and
 * values of a row are not among them. If a value equals such a word, for example `invalid`, the word reveals nothing
 * about the row.
 *
 * Sources: the texts of `service-words.ts`, of its tests, and of DynamoDB Local's and dynalite's errors. A word that is
 * missing here is left out of the message, as a value is.
 */
const WORDS: ReadonlySet<string> = new Set(
  `a aggregated all allowed already an and any are as at attempting attribute attributes attributevalue
  be been binary bytes but by
  can cannot collection condition contain contained contains contents converted could
  data defined definition depth digits does duplicate duplicates
  each either element elements empty encountered error exactly exceed exceeded exceeds exist exists expected expression
  fail failed failure following for found from
  greater
  has hash hashkey have
  in includes incorrect index indexes input invalid is item items
  key keys kind
  larger length level levels limit limits list long longer
  magnitude many map match maximum member members message minimum missing more must
  name names nested nesting no not null number numbers numeric
  of on one only operation or overflow
  parameter parameters partition primary problem provided put
  range reason received request requested required reserved
  same satisfy schema secondary set sets should significant size small smaller specified store string supplied supported syntax
  table than that the there this to token too total type types
  unable underflow unexpected unicode unknown unsupported update use used
  validation value values was were when which with within without write writes wrong`.split(/\s+/),
);

/** The most characters of an unknown text in a message. */
const MOST_CHARACTERS = 160;
const LEFT_OUT = '…';

/** @returns the text without all else, cut where it is long; null where nothing is left */
export function withoutValues(text: string): string | null {
  const kept: string[] = [];
  for (const token of text.slice(0, 4 * MOST_CHARACTERS).split(/\s+/)) {
    const [, word = '', end = ''] = /^([A-Za-z]+)([.,:;]?)$/.exec(token) ?? [];
    if (WORDS.has(word.toLowerCase())) kept.push(word + end);
    else if (kept.at(-1) !== LEFT_OUT) kept.push(LEFT_OUT);
  }
  if (kept.every((word) => word === LEFT_OUT)) return null;
  const line = kept.join(' ');
  return line.length <= MOST_CHARACTERS ? line : `${line.slice(0, MOST_CHARACTERS - 1)}${LEFT_OUT}`;
}
