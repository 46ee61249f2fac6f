/**
 * Turns zod's faults of single fields into words for an operator. They give the fact, and the purpose of the field or
 * the most similar known name. Messages repeat numbers and choices of the file, but never text: it may be a secret.
 */
import type * as z from 'zod';
import { nearest } from '../../core/text/nearest.js';
import { type ConfigFault, invalid } from '../config-fault.js';
import type { Path } from '../../core/text/config-path.js';
import { descriptionOf, knownKeys, type SchemaNode, schemaAt } from '../schema/json-schema.js';
import { newNameOf } from '../schema/renamed-keys.js';

type Issue = z.core.$ZodIssue;

/**
 * @param schema the config's JSON Schema
 * @param typedIn whether the file itself has the value at a path, so that a message may repeat it
 */
export function shapeFaults(
  issues: readonly Issue[],
  schema: SchemaNode,
  typedIn: (path: Path) => boolean,
): readonly ConfigFault[] {
  return issues.flatMap((issue) => {
    const path = issue.path.filter((step) => typeof step !== 'symbol');
    return issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownKey([...path, key], schema))
      : [field(issue, path, schema, typedIn(path))];
  });
}

function unknownKey(path: Path, schema: SchemaNode): ConfigFault {
  const renamed = newNameOf(path);
  if (renamed !== null) return invalid(path, `is now named ${renamed}`, 'rename the key, and keep its value');
  const parent = schemaAt(schema, path.slice(0, -1));
  const known = parent === null ? [] : knownKeys(parent);
  const meant = nearest(String(path.at(-1)), known);
  const hint = meant === null ? `known keys here: ${known.join(', ')}` : `did you mean ${meant}?`;
  return invalid(path, 'is not a known key', hint);
}

function field(issue: Issue, path: Path, schema: SchemaNode, typedIn: boolean): ConfigFault {
  const node = schemaAt(schema, path);
  const purpose = node === null ? '' : descriptionOf(node);
  const { input } = issue;

  if (path.length === 0) return invalid(path, 'holds no config', 'give it the keys state, source, target and mapping');
  if (input === undefined) return invalid(path, 'is missing', `add it: ${purpose}`);
  if (input === null || input === '') return invalid(path, 'is empty', `fill it in: ${purpose}`);

  const expected = typedIn ? `expected: ${purpose}` : `correct the environment variable; expected: ${purpose}`;
  switch (issue.code) {
    case 'invalid_type': {
      const fact = `must be ${kindName(issue.expected)}, is ${kindOf(input)}`;
      return invalid(path, fact, `${typedIn ? remedy(issue.expected, input) : ''}${expected}`);
    }
    case 'invalid_value': {
      const values = issue.values.map(String);
      const fact = `must be ${values.length > 1 ? 'one of ' : ''}${values.join(', ')}`;
      const meant = typedIn && typeof input === 'string' && input.length > 2 ? nearest(input, values) : null;
      return invalid(path, fact, meant === null ? expected : `did you mean ${meant}?`);
    }
    case 'too_small':
    case 'too_big': {
      if (issue.origin === 'array') return invalid(path, 'must have at least one entry', `add an entry: ${purpose}`);
      const bound = issue.code === 'too_small' ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
      return invalid(path, `must be ${bound}${shown(input, typedIn)}`, expected);
    }
    case 'invalid_key': {
      const refusal = issue.issues.find(({ code }) => code === 'custom')?.message;
      return invalid(path, refusal === undefined ? 'has an empty name' : `is a name that ${refusal}`, expected);
    }
    default:
      return invalid(path, issue.message, expected);
  }
}

function shown(input: unknown, typedIn: boolean): string {
  return typedIn && typeof input === 'number' ? `, is ${input}` : '';
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'a map of keys',
  record: 'a map of keys',
  array: 'a list',
};

function kindName(expected: string): string {
  return KINDS[expected] ?? expected;
}

function kindOf(input: unknown): string {
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'number') return 'a number';
  return KINDS[typeof input] ?? 'something else';
}

/** Returns the next step after a common YAML mistake, ending in `; `. */
function remedy(expected: string, input: unknown): string {
  if (expected === 'string') {
    return typeof input === 'object'
      ? 'put it in quotes: in YAML, { begins a map and [ a list; '
      : 'put it in quotes, or YAML does not read it as text; ';
  }
  if ((expected === 'int' || expected === 'number') && typeof input === 'string') return 'write it without quotes; ';
  return expected === 'array' ? 'begin each entry with `- `; ' : '';
}
