/**
 * Text that came from outside, as it may be shown: a server, or what answers in its place, must not move a terminal's
 * cursor, forge a line of a log, turn the order of what is read around, or fill a screen.
 *
 * Looked through for siblings: whatever is printed passes `shownLines` (`cli/io.ts`, `listeners/`); what comes from a
 * server is cut and made one line where it comes in: names of errors and reasons of throttling (`RequestFailure`), what
 * DescribeTable and DescribeTimeToLive say (their schemas), MySQL's version, cipher, log format, engine, kind of table
 * and settings, and the names of columns and attributes in lists of them. The texts of errors are not kept at all
 * (`service-words.ts`, `mysql/errors/source-errors.ts`).
 */

/**
 * Control characters, marks that turn the direction of text, separators of lines and paragraphs, halves of surrogate
 * pairs.
 */
const UNSHOWN = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** As JSON and JavaScript write them, so that a JSON text stays one of the same meaning. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** One line. */
export function shown(text: string): string {
  return text.replace(UNSHOWN, escaped);
}

/** With its line breaks. */
export function shownLines(text: string): string {
  return text.replace(UNSHOWN, (character) => (character === '\n' ? character : escaped(character)));
}

/** Names are shorter, on every server. */
const MOST_CHARACTERS = 200;

/** One line of at most so many characters, the last a `…` where something was cut off. */
export function ofServer(text: string, most = MOST_CHARACTERS): string {
  const line = shown(text.slice(0, most));
  return text.length <= most && line.length <= most ? line : `${line.slice(0, most - 1)}…`;
}

const MOST_NAMES = 20;

/** Names, joined by commas; of many, the first ones. */
export function namesOfServer(names: readonly string[]): string {
  const listed = names.slice(0, MOST_NAMES).map((name) => ofServer(name));
  return names.length <= MOST_NAMES ? listed.join(', ') : `${listed.join(', ')} and ${names.length - MOST_NAMES} more`;
}
