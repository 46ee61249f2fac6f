/**
 * Compiles the attributes of one item rule: from columns, templates and constants to emitters of their text, name
 * included.
 */
import type { AddedAttribute, ItemMapping } from '../config/model.js';
import type { ColumnInfo, TableInfo } from '../core/model.js';
import { NULL_CELL } from '../core/row-block.js';
import { cellWriter, numberValue, RuleFault, stringValue } from './value/attribute-value.js';
import {
  columnNamed,
  compileTemplate,
  literalBytes,
  refuseTooLarge,
  TemplateFault,
} from './template/compiled-template.js';
import type { AttributeEmitter } from './attribute-emitter.js';
import { literal } from './item/literal.js';
import { MAX_ITEM_BYTES, textBytes, type SizeCounter } from './value/item-size.js';
import { quoteJson } from './value/json-text.js';
import { collectingFaults, type ReportFault } from './mapping-faults.js';
import { normalizeNumber } from './value/numbers.js';

const TEXT_END = literal('"}');

/** Returns the emitters; null where it reported a fault. */
export function compileAttributes(
  item: ItemMapping,
  table: TableInfo,
  indexOf: (column: string) => number,
  report: ReportFault,
): readonly AttributeEmitter[] | null {
  const { attributes } = item;
  const named: [string, (string | number)[]][] = [
    ...(attributes.columns === 'all'
      ? []
      : attributes.columns.map((name, index): [string, (string | number)[]] => [name, ['columns', index]])),
    ...attributes.drop.map((name, index): [string, (string | number)[]] => [name, ['drop', index]]),
    ...Object.keys(attributes.rules).map((name): [string, (string | number)[]] => [name, ['rules', name]]),
  ];
  let sound = true;
  for (const [name, path] of named) {
    if (collectingFaults(['attributes', ...path], report, () => columnNamed(name, table)) === null) sound = false;
  }
  const columns = table.columns
    .filter((column) => isChosen(column, item))
    .map((column) => columnEmitter(column, item, indexOf(column.name), report));
  const added = Object.entries(attributes.add).map(([name, rule]) =>
    collectingFaults(['attributes', 'add', name], report, () => addedEmitter(name, rule, table, indexOf)),
  );
  const all = [...columns, ...added].filter((emitter) => emitter !== null);
  return sound && all.length === columns.length + added.length ? all : null;
}

/**
 * Returns whether a column becomes an attribute. SELECT * and so `all` exclude invisible columns. A rule that names one
 * includes it.
 */
export function isChosen(column: ColumnInfo, item: ItemMapping): boolean {
  const { columns, drop, rules } = item.attributes;
  if (drop.includes(column.name)) return false;
  return columns === 'all' ? !column.invisible || Object.hasOwn(rules, column.name) : columns.includes(column.name);
}

function columnEmitter(
  column: ColumnInfo,
  item: ItemMapping,
  index: number,
  report: ReportFault,
): AttributeEmitter | null {
  const { rules } = item.attributes;
  // Only an own property counts: a column may have the name `constructor`.
  const rule = Object.hasOwn(rules, column.name) ? rules[column.name] : undefined;
  const name = rule?.name ?? column.name;
  const keepNull = rule?.null === 'keep';
  const prefix = `,${quoteJson(name)}:`;
  const nullText = literal(`${prefix}{"NULL":true}`);
  const nameBytes = textBytes(name);
  try {
    const writer = cellWriter(column, { type: rule?.type ?? null, format: rule?.format ?? null });
    const { write } = writer;
    const opening = literal(prefix + writer.open);
    const closing = literal(writer.close);
    return {
      name,
      origin: { from: 'column', column, path: rule === undefined ? null : ['attributes', 'rules', column.name] },
      emit({ rows, first }, out) {
        const from = rows.starts[first + index] as number;
        if (from === NULL_CELL) {
          if (!keepNull) return;
          out.bytes += nameBytes + 1;
          out.literal(nullText);
          return;
        }
        out.bytes += nameBytes;
        out.literal(opening);
        write(rows.bytes, from, rows.ends[first + index] as number, out);
        out.literal(closing);
      },
    };
  } catch (error) {
    if (!(error instanceof RuleFault)) throw error;
    report(
      ['attributes', 'rules', column.name],
      'E_MAPPING_INVALID',
      `column ${column.name}: ${error.message}`,
      'give the rule a type or format that fits the column',
    );
    return null;
  }
}

function addedEmitter(
  name: string,
  rule: AddedAttribute,
  table: TableInfo,
  indexOf: (column: string) => number,
): AttributeEmitter {
  const prefix = `,${quoteJson(name)}:`;
  const nameBytes = textBytes(name);
  const path = ['attributes', 'add', name];
  if (rule.kind === 'template') {
    const template = compileTemplate(rule.template, table, indexOf);
    refuseTooLarge(nameBytes + literalBytes(template), MAX_ITEM_BYTES, 'the literals and the name', 'an item');
    const opening = literal(`${prefix}{"S":"`);
    return {
      name,
      origin: { from: 'template', template, path },
      emit(row, out) {
        out.literal(opening);
        template.write(row, out);
        out.literal(TEXT_END);
        out.bytes += nameBytes;
      },
    };
  }
  const constantSize = { bytes: nameBytes };
  const text = literal(prefix + constantText(rule.value, constantSize));
  refuseTooLarge(constantSize.bytes, MAX_ITEM_BYTES, 'the constant and its name', 'an item');
  return {
    name,
    origin: { from: 'constant', path },
    emit(_row, out) {
      out.bytes += constantSize.bytes;
      out.literal(text);
    },
  };
}

function constantText(value: string | number | boolean, size: SizeCounter): string {
  if (typeof value === 'string') return stringValue(value, size);
  if (typeof value === 'boolean') {
    size.bytes += 1;
    return `{"BOOL":${String(value)}}`;
  }
  const normalized = normalizeNumber(String(value));
  if ('fault' in normalized) {
    throw new TemplateFault(
      'E_MAPPING_INVALID',
      `the constant is ${normalized.fault}`,
      'write a number in the range of DynamoDB, or text in quotes',
    );
  }
  return numberValue(normalized.text, size);
}
