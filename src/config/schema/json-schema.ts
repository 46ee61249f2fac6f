/**
 * Makes the JSON Schema of a config file. Editors use it to complete and check dynaferry.yaml. When a field is wrong,
 * dynaferry uses it to name the known keys and the field's purpose.
 */
import * as z from 'zod';
import type { Path } from '../../core/text/config-path.js';
import { configShape } from './schema.js';

/** The part of JSON Schema that this file uses. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

const REFERENCE = { type: 'string', pattern: '\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}' };

/** Returns the JSON Schema (draft 2020-12) of the file. It allows `${NAME}` for every number and every choice. */
export function configJsonSchema(): object {
  const schema = z.toJSONSchema(configShape, {
    io: 'input',
    override({ jsonSchema }) {
      const { type, enum: choices, pattern, format } = jsonSchema;
      const restricted = type === 'integer' || (type === 'string' && (choices ?? pattern ?? format) !== undefined);
      if (!restricted) return;
      const { description: _, default: __, ...value } = { ...jsonSchema };
      for (const key of Object.keys(value)) Reflect.deleteProperty(jsonSchema, key);
      Object.assign(jsonSchema, { anyOf: [value, REFERENCE] });
    },
  });
  return { ...schema, title: 'dynaferry.yaml' };
}

/** Returns the schema of the value at a path; null: no key is known there. */
export function schemaAt(root: SchemaNode, path: Path): SchemaNode | null {
  let node: SchemaNode | undefined = root;
  for (const step of path) {
    node = node === undefined ? undefined : child(node, step);
  }
  return node ?? null;
}

function child(node: SchemaNode, step: string | number): SchemaNode | undefined {
  const { additionalProperties: rest } = node;
  const own =
    typeof step === 'number' ? node.items : (node.properties?.[step] ?? (typeof rest === 'object' ? rest : undefined));
  if (own !== undefined) return own;
  for (const branch of node.anyOf ?? []) {
    const found = child(branch, step);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Returns the purpose of a field. Every field has a description, some on the one branch that is not null. */
export function descriptionOf(node: SchemaNode): string {
  return node.description ?? node.anyOf?.[0]?.description ?? '';
}

/** Returns the keys that a map with this schema may have; empty where any name is allowed. */
export function knownKeys(node: SchemaNode): readonly string[] {
  return [...Object.keys(node.properties ?? {}), ...(node.anyOf ?? []).flatMap((branch) => knownKeys(branch))];
}

/** True where the schema requires a whole number, or a reference to an environment variable that holds one. */
export function wantsWholeNumber(node: SchemaNode): boolean {
  return node.type === 'integer' || (node.anyOf ?? []).some(wantsWholeNumber);
}
