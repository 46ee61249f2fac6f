/**
 * `dynaferry diff --explain` shows, for one row, how each attribute was made. It shows types and lengths, and values
 * only with `--show-values`.
 */
import type { Path } from '../../core/text/config-path.js';
import type { Config } from '../../config/model.js';
import { bytes, plural } from '../../wording/number-format.js';
import { wrap } from '../../listeners/terminal.js';
import type { AttributeExplanation, ItemExplanation, KeyExplanation } from '../../mapping/explain.js';
import type { ExplainedRow } from '../../wiring/look/explain-row.js';
import { writeJson, writeLine, type Io } from '../io.js';

/** Returns a part of a key as the config writes it. */
type SourceOf = (item: number, path: Path, part: KeyExplanation['parts'][number]) => string;

interface Shown {
  readonly showValues: boolean;
  /** Returns the config's line of a rule below an item's rules. */
  readonly lineOf: (item: number, path: Path) => number;
  readonly sourceOf: SourceOf;
  readonly columns: number;
}

export function printExplanation(
  io: Io,
  config: Config,
  row: ExplainedRow,
  { json, showValues }: { readonly json: boolean; readonly showValues: boolean },
): void {
  const lineOf = (item: number, path: Path): number => config.lineOf(['mapping', row.table, 'items', item, ...path]);
  // A literal in a template that takes variables may be the value of a variable.
  const sourceOf: SourceOf = (item, path, { source, text }) => {
    const hidden = !showValues && source === text;
    return hidden && config.writtenAt(['mapping', row.table, 'items', item, ...path]) !== null ? 'a literal' : source;
  };
  if (json) {
    writeJson(io, asDocument(row, showValues, lineOf, sourceOf));
    return;
  }
  const shown: Shown = { showValues, lineOf, sourceOf, columns: io.stdout.columns ?? 80 };
  writeLine(io.stdout, `${row.shard} ${row.table}${showValues ? `  ${row.row}` : ''}  ${row.outcome}`);
  if (row.bad !== null)
    print(io, shown, 2, `bad: ${row.bad.column ?? 'item'}: ${row.bad.reason} (${row.bad.kind}); ${row.bad.remedy}`);
  if (row.localIndexesUnknown)
    print(io, shown, 2, 'the target did not answer: entries in its local indexes, if it has any, are not counted');
  for (const [index, item] of row.items.entries()) printItem(io, item, index, shown);
  if (!showValues) writeLine(io.stdout, 'values are hidden; --show-values shows them');
}

function print(io: Io, { columns }: Shown, indent: number, text: string): void {
  for (const line of wrap(text, columns - indent, 4)) writeLine(io.stdout, ' '.repeat(indent) + line);
}

function printItem(io: Io, item: ItemExplanation, index: number, shown: Shown): void {
  print(io, shown, 2, `item "${item.item}": ${bytes(item.bytes)}, ${item.writeUnits} WCU (each index charges its own)`);
  for (const key of item.keys) printKey(io, key, index, shown);
  if (item.spread !== null) {
    const { shards, overridden, suffix } = item.spread;
    const of = `${plural(shards, 'suffix').replace('suffixs', 'suffixes')}${overridden ? ', by an override of the account' : ''}`;
    print(io, shown, 4, `spread: ${of}${shown.showValues ? `, "${suffix}"` : ''}`);
  }
  for (const attribute of item.attributes) print(io, shown, 4, attributeText(attribute, index, shown));
  for (const { column, why, path } of item.leftOut)
    print(io, shown, 4, `${column}: left out, ${why}${path === null ? '' : ` (line ${shown.lineOf(index, path)})`}`);
  if (item.ttl !== null) {
    const state = item.ttl.expiresAt === null ? 'never expires' : item.ttl.expired ? 'has expired' : 'expires later';
    print(io, shown, 4, `ttl from ${item.ttl.column}: ${state}`);
  }
}

function printKey(io: Io, { name, path, parts }: KeyExplanation, index: number, shown: Shown): void {
  print(io, shown, 4, `key ${name}, line ${shown.lineOf(index, path)}:`);
  for (const part of parts) {
    const { text, bad } = part;
    const length = text === null ? '' : plural(text.length, 'character');
    const gives = bad === null ? (shown.showValues ? JSON.stringify(text) : length) : `bad: ${bad.reason}`;
    print(io, shown, 6, `${shown.sourceOf(index, path, part)} gives ${gives}`);
  }
}

function attributeText(attribute: AttributeExplanation, index: number, { showValues, lineOf }: Shown): string {
  const { name, origin, column, columnType, path, type, value, bad } = attribute;
  const from = column === null ? origin : `${origin === 'ttl' ? 'ttl, ' : ''}${column} ${columnType ?? ''}`;
  const rule = path === null ? 'default' : `line ${lineOf(index, path)}`;
  if (bad !== null) return `${name}: bad, ${bad.reason}; from ${from}; ${rule}`;
  if (type === null) return `${name}: absent, NULL is left out; from ${from}; ${rule}`;
  const shown = showValues && value !== null ? ` = ${value}` : '';
  return `${name}: ${type}, ${bytes(attribute.bytes)}; from ${from}; ${rule}${shown}`;
}

function asDocument(row: ExplainedRow, showValues: boolean, lineOf: Shown['lineOf'], sourceOf: SourceOf): unknown {
  const items = row.items.map((item, index) => ({
    ...item,
    spread: item.spread === null || showValues ? item.spread : { ...item.spread, suffix: null },
    ttl: item.ttl === null || showValues ? item.ttl : { ...item.ttl, expiresAt: null },
    keys: item.keys.map(({ name, path, parts }) => ({
      name,
      line: lineOf(index, path),
      parts: parts.map(({ text, ...part }) => ({
        ...part,
        source: sourceOf(index, path, { text, ...part }),
        characters: text?.length ?? null,
        ...(showValues ? { text } : {}),
      })),
    })),
    attributes: item.attributes.map(({ value, path, ...attribute }) => ({
      ...attribute,
      line: path === null ? null : lineOf(index, path),
      ...(showValues ? { value } : {}),
    })),
    leftOut: item.leftOut.map(({ path, ...column }) => ({
      ...column,
      line: path === null ? null : lineOf(index, path),
    })),
  }));
  return { ...row, row: showValues ? row.row : null, items };
}
