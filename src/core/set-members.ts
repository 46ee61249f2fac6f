/**
 * The members of an ENUM or SET as its type declares them, and SETs with a member whose label is empty. MySQL prints
 * the labels of a SET with a comma wherever there is text before it: an empty one in front leaves no trace, so `{'',
 * 'b'}` and `{'b'}` both print `b`, and `{''}` as nothing. Of such a column, the source puts a comma in front for each
 * empty member that it begins with, by the number beside the text; MySQL itself prints none there.
 *
 * Looked through for siblings: a label of a SET cannot hold a comma (every server refuses it), and loses blanks at its
 * end when it is declared; a member declared twice is a bad row where both are in it. An ENUM's number 0 prints as an
 * empty label does; both are the text '' of the column, and told apart as a scan key only.
 */
import type { ColumnInfo } from './model.js';

/**
 * Labels as information_schema writes them in the type, quotes undone. Whatever else is escaped there differs between
 * versions.
 */
export function declaredMembers({ columnType }: Pick<ColumnInfo, 'columnType'>): readonly string[] {
  return Array.from(columnType.matchAll(/'((?:[^']|'')*)'/g), ([, name = '']) => name.replaceAll("''", "'"));
}

/**
 * Places of the members of a SET whose label is empty: bit i of the number stands for member i. None for any other
 * column.
 */
export function emptyMembers(column: Pick<ColumnInfo, 'columnType' | 'dataType'>): readonly number[] {
  if (column.dataType !== 'set') return [];
  return declaredMembers(column).flatMap((label, i) => (label === '' ? [i] : []));
}

/** The text as MySQL prints it, of a column with an empty member. */
export function printedSet(text: string): string {
  return text.replace(/^,+/, '');
}

/** The members of a value, in the order of their declaration; none of an empty set. */
export function membersOf(text: string): readonly string[] {
  if (text === '') return [];
  // Empty members alone: one for each comma, none of which is between two.
  return /^,+$/.test(text) ? Array.from(text, () => '') : text.split(',');
}
