/**
 * Makes text from outside safe to show. A server, or a program in its place, must not move a terminal's cursor or forge
 * a line of a log. Nor may it change the order of reading, or fill a screen.
 *
 * All printed text passes `shownLines` (`cli/io.ts`, `listeners/`). Text from a server is cut and made one line where
 * it arrives. That covers the names of errors and reasons of throttling (`RequestFailure`), and the answers of
 * DescribeTable and DescribeTimeToLive (their schemas). It covers MySQL's version, cipher, log format, engine, kind of
 * table and settings. It also covers the names of columns and attributes in lists of them. dynaferry keeps no texts of
 * errors at all (`service-words.ts`, `mysql/errors/source-errors.ts`).
 */

/**
 * Control characters, marks that change the direction of text, separators of lines and paragraphs, and halves of
 * surrogate pairs.
 */
const UNSHOWN = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Returns the character as JSON and JavaScript write it, so that a JSON text keeps its meaning. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Returns the text as one line. */
export function shown(text: string): string {
  return text.replace(UNSHOWN, escaped);
}

/** Returns the text with its line breaks. */
export function shownLines(text: string): string {
  return text.replace(UNSHOWN, (character) => (character === '\n' ? character : escaped(character)));
}

/** Longer than any name on any server. */
const MOST_CHARACTERS = 200;

/** Returns one line of at most `most` characters. Where it cut the text, the last character is a `…`. */
export function ofServer(text: string, most = MOST_CHARACTERS): string {
  const line = shown(text.slice(0, most));
  return text.length <= most && line.length <= most ? line : `${line.slice(0, most - 1)}…`;
}

const MOST_NAMES = 20;

/** Returns names joined by commas; of a long list, only the first ones. */
export function namesOfServer(names: readonly string[]): string {
  const listed = names.slice(0, MOST_NAMES).map((name) => ofServer(name));
  return names.length <= MOST_NAMES ? listed.join(', ') : `${listed.join(', ')} and ${names.length - MOST_NAMES} more`;
}
