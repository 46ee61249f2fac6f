/**
 * The version attribute shows which of two items is newer: ours, or a live writer's. Every item has it, in a form that
 * compares. That is a number, or a text of fixed length whose byte order is the order of its values.
 */
import type { ItemMapping } from '../config/model.js';
import type { Path } from '../core/text/config-path.js';
import type { ColumnInfo } from '../core/model.js';
import type { AttributeEmitter } from './attribute-emitter.js';
import { BadValue } from './value/bad-value.js';
import { columnKind } from './value/column-kind.js';
import { expressionsOf, type CompiledTemplate } from './template/compiled-template.js';
import type { ReportFault } from './mapping-faults.js';

const FITTING =
  'use a NOT NULL column: a number, or a DATETIME or TIMESTAMP as ISO text or epoch; or `add` a template such as {updated_at:iso}';

/** Returns the emitters. The one of the version refuses rows without a version. Reports faults. */
export function withVersion(
  emitters: readonly AttributeEmitter[],
  attribute: string,
  item: ItemMapping,
  report: ReportFault,
): readonly AttributeEmitter[] {
  const refuse = (path: Path, fact: string, hint: string): readonly AttributeEmitter[] => {
    report(path, 'E_MAPPING_INVALID', `${fact} (target.version.attribute is "${attribute}")`, hint);
    return emitters;
  };
  const found = emitters.find(({ name }) => name === attribute);
  if (found === undefined) return refuse(['attributes'], 'no rule makes the version of the item', FITTING);
  const { origin } = found;
  switch (origin.from) {
    case 'template':
      return isSortable(origin.template)
        ? emitters
        : refuse(origin.path, 'this template cannot be a version: its texts vary in length, or do not sort', FITTING);
    case 'column': {
      const { column } = origin;
      const path = origin.path ?? ['attributes'];
      const rule = ruleOf(item, column);
      if (!comparable(column, rule?.type ?? null, rule?.format ?? null)) {
        return refuse(path, `column ${column.name} cannot be a version: its mapped values cannot be compared`, FITTING);
      }
      if (!column.nullable) return emitters;
      if (rule?.null === 'keep') {
        return refuse(path, `column ${column.name} cannot be a version: NULL is not a version`, 'remove `null: keep`');
      }
      return emitters.map((emitter) => (emitter === found ? refusingNull(emitter, column) : emitter));
    }
    default:
      return refuse(origin.path, `the ${origin.from} cannot be a version: it does not grow with each change`, FITTING);
  }
}

/** Returns the rule of a column. Only an own property counts: a column may have the name `constructor`. */
function ruleOf(
  { attributes: { rules } }: ItemMapping,
  { name }: ColumnInfo,
): ItemMapping['attributes']['rules'][string] | undefined {
  return Object.hasOwn(rules, name) ? rules[name] : undefined;
}

function comparable(column: ColumnInfo, type: string | null, format: string | null): boolean {
  switch (columnKind(column)) {
    case 'integer':
    case 'decimal':
    case 'float':
    case 'bit':
    case 'year':
      return type === null || type === 'N';
    case 'date':
    case 'datetime':
      return format !== 'text';
    default:
      return type === 'N';
  }
}

const ASCII = /^[\0-\x7f]*$/;

/** Returns whether all its texts sort and have one length, in bytes too. */
function isSortable(template: CompiledTemplate): boolean {
  const expressions = expressionsOf(template);
  const literals = template.parts.flatMap((part) => (part.kind === 'literal' ? [part.text] : []));
  const fits = expressions.every(({ sorts, width, meaning }) => sorts && width !== null && meaning !== 'bytes');
  return expressions.length > 0 && fits && literals.every((text) => ASCII.test(text));
}

function refusingNull(emitter: AttributeEmitter, column: ColumnInfo): AttributeEmitter {
  const missing = new BadValue(
    column.name,
    'NULL in the column of the version',
    'correct the row at the source, or exclude such rows with `where`',
    'NULL',
  );
  return {
    ...emitter,
    emit(row, out, expiresAt) {
      const before = out.at - out.start;
      emitter.emit(row, out, expiresAt);
      if (out.at - out.start === before) throw missing;
    },
  };
}
