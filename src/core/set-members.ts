/**
 * Reads the members of an ENUM or SET from its type, also of a SET with an empty label. MySQL prints a comma before a
 * label of a SET only where text precedes it. So an empty first label leaves no trace: `{'', 'b'}` and `{'b'}` both
 * print as `b`, and `{''}` prints as an empty text. For such a column, the source puts one comma in front for each
 * empty member at the start of the value. It knows them from the number beside the text. MySQL itself prints no comma
 * there.
 *
 * We checked similar cases. A label of a SET cannot hold a comma (every server refuses it), and loses trailing blanks
 * in its declaration. A member that is declared twice makes a bad row where the value has both. The number 0 of an ENUM
 * prints as an empty label does. Both are the text '' of the column, and only a scan key distinguishes them.
 */
import type { ColumnInfo } from './model.js';

/**
 * Returns the labels as information_schema writes them in the type, with quotes undone. Other escapes there differ
 * between versions.
 */
export function declaredMembers({ columnType }: Pick<ColumnInfo, 'columnType'>): readonly string[] {
  return Array.from(columnType.matchAll(/'((?:[^']|'')*)'/g), ([, name = '']) => name.replaceAll("''", "'"));
}

/**
 * Returns the positions of a SET's members with an empty label. Bit i of the number stands for member i. It returns
 * none for any other column.
 */
export function emptyMembers(column: Pick<ColumnInfo, 'columnType' | 'dataType'>): readonly number[] {
  if (column.dataType !== 'set') return [];
  return declaredMembers(column).flatMap((label, i) => (label === '' ? [i] : []));
}

/** Returns the text of a column with an empty member as MySQL prints it. */
export function printedSet(text: string): string {
  return text.replace(/^,+/, '');
}

/** Returns the members of a value, in the order of their declaration; none for an empty set. */
export function membersOf(text: string): readonly string[] {
  if (text === '') return [];
  // The value has only empty members: one for each comma, because no comma separates two texts.
  return /^,+$/.test(text) ? Array.from(text, () => '') : text.split(',');
}
