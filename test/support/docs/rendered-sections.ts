/**
 * Renders the parts of README.md that come from code: the config reference from the JSON Schema, the error codes from
 * the catalogue.
 */
import { configJsonSchema, type SchemaNode } from '../../../src/config/schema/json-schema.js';
import { SETTING_CHANGES, type SettingChange } from '../../../src/config/binding/setting-changes.js';
import { ERROR_CODES } from '../../../src/core/errors.js';

interface Section {
  readonly name: string;
  readonly render: () => string;
}

export const SECTIONS: readonly Section[] = [
  { name: 'config reference', render: configReference },
  { name: 'changes of settings', render: settingChanges },
  { name: 'error codes', render: errorCodes },
];

/** Renders every section of the document between its markers again. @throws Error where a marker is missing */
export function withSections(document: string): string {
  return SECTIONS.reduce((text, { name, render }) => {
    const begin = `<!-- ${name}: begin (written by npm run docs) -->`;
    const end = `<!-- ${name}: end -->`;
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`README.md lacks the markers of the section "${name}"`);
    return `${text.slice(0, from + begin.length)}\n\n${render()}\n\n${text.slice(to)}`;
  }, document);
}

function errorCodes(): string {
  const rows = Object.entries(ERROR_CODES).map(([code, { exit, meaning }]) => `| \`${code}\` | ${exit} | ${meaning} |`);
  return ['| code | exit | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

function settingChanges(): string {
  const rows = Object.entries(SETTING_CHANGES).map(
    ([path, setting]) => `| \`${path}\` | ${whatHolds(setting)} | ${overShards(setting)} | ${setting.note} |`,
  );
  return ['| key | between two runs of a shard | between shards | why |', '| --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}

function whatHolds(setting: SettingChange): string {
  switch (setting.change) {
    case 'free':
      return 'may change';
    case 'elsewhere':
      return 'begins again, unseen';
    case 'restart':
      return 'refused; `--restart`';
    case 'longer':
      return 'longer: may change; shorter: refused; `--restart`';
    case 'flag':
      return `refused; \`${setting.flag}\`, \`--restart\``;
  }
}

function overShards(setting: SettingChange): string {
  return setting.change === 'restart' && setting.alike ? 'refused' : '';
}

/** The keys that hold values, as the reference has them. */
export function settingPaths(schema: object): readonly string[] {
  const paths = fieldsOf(schema, '').map(({ path }) => path);
  return paths.filter((path) => !paths.some((other) => other.startsWith(`${path}.`) || other.startsWith(`${path}[]`)));
}

function configReference(): string {
  const rows = fieldsOf(configJsonSchema() as SchemaNode, '').map(
    ({ path, type, fallback, description }) => `| \`${path}\` | ${type} | ${fallback} | ${description} |`,
  );
  return ['| key | type | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

interface Field {
  readonly path: string;
  readonly type: string;
  readonly fallback: string;
  readonly description: string;
}

type Node = Readonly<Record<string, unknown>>;

/** Every key below a node, parents before children; list entries as `[]`, free names as `NAME`. */
function fieldsOf(schema: unknown, path: string): readonly Field[] {
  const node = shapeOf(schema as Node);
  const children = [
    ...Object.entries((node['properties'] ?? {}) as Record<string, unknown>).map(
      ([name, child]) => [path === '' ? name : `${path}.${name}`, child] as const,
    ),
    ...(typeof node['items'] === 'object' ? [[`${path}[]`, node['items']] as const] : []),
    ...(typeof node['additionalProperties'] === 'object'
      ? [[`${path}.NAME`, node['additionalProperties']] as const]
      : []),
  ];
  return children.flatMap(([childPath, child]) => {
    const below = fieldsOf(child, childPath);
    const itself = fieldOf(child as Node, childPath);
    // A list of plain values is told by its own line.
    return childPath.endsWith('[]') && below.length === 0 ? [] : [itself, ...below];
  });
}

/** Through `anyOf`: the alternative that has structure. */
function shapeOf(node: Node): Node {
  const alternatives = (node['anyOf'] ?? []) as readonly Node[];
  return (
    alternatives
      .map(shapeOf)
      .find(
        (alternative) =>
          'properties' in alternative ||
          'items' in alternative ||
          typeof alternative['additionalProperties'] === 'object',
      ) ?? node
  );
}

function fieldOf(node: Node, path: string): Field {
  const fallback = node['default'] as string | number | boolean | object | undefined;
  return {
    path,
    type: typeOf(node),
    fallback: fallback === undefined || typeof fallback === 'object' ? '' : `\`${String(fallback)}\``,
    description: ((node['description'] ?? shapeOf(node)['description'] ?? '') as string).replaceAll('|', '\\|'),
  };
}

function typeOf(node: Node): string {
  const shape = shapeOf(node);
  const alternatives = [
    node,
    ...((node['anyOf'] ?? []) as readonly Node[]).flatMap((alternative) => [
      alternative,
      ...((alternative['anyOf'] ?? []) as readonly Node[]),
    ]),
  ];
  const choices = alternatives.flatMap((alternative) => (alternative['enum'] ?? []) as readonly unknown[]);
  const types = new Set(
    alternatives.flatMap((alternative) => alternative['type'] ?? []).filter((type) => type !== 'null'),
  );
  if (choices.length > 0) return choices.map((choice) => `\`${String(choice)}\``).join(', ');
  if ('items' in shape) return 'list';
  if ('properties' in shape || 'additionalProperties' in shape) return 'map';
  if (types.has('integer')) return 'whole number';
  return [...types].map((type) => (type === 'string' ? 'text' : (type as string))).join(', ');
}
