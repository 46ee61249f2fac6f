import { existsSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { configJsonSchema, descriptionOf, type SchemaNode } from '../../../../src/config/schema/json-schema.js';
import { alter, rightConfig } from '../config-file.js';

const FIXTURE = new URL('../../../../fixtures/postflight/dynaferry.yaml', import.meta.url);

/** The schema as an editor sees it: from its JSON text, without our own code. */
function editor(): z.ZodType {
  const text = JSON.stringify(configJsonSchema());
  return z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0]);
}

describe('configJsonSchema', () => {
  test('configJsonSchema accepts a right config, environment variables included', () => {
    const config = alter(alter(rightConfig(), 'source.shards.0.port', '${PORT}'), 'target.liveWriter', '${LIVE}');
    expect(editor().safeParse(config).error).toBeUndefined();
  });

  test.skipIf(!existsSync(FIXTURE))('configJsonSchema accepts the config of the fixture', () => {
    expect(editor().safeParse(parse(readFileSync(FIXTURE, 'utf8'), { merge: true })).error).toBeUndefined();
  });

  test.each([
    ['target.writeCapacty', 5],
    ['target.writeCapacity', undefined],
    ['target.writeCapacity', 'many'],
    ['target.liveWriter', 'perhaps'],
    ['source.shards.0.port', 99_999],
    ['mapping.messages.items.0.sortKey.spread', {}],
  ])('configJsonSchema refuses %s: %j', (path, value) => {
    expect(editor().safeParse(alter(rightConfig(), path, value)).success).toBe(false);
  });

  test('configJsonSchema describes every field, and keeps the defaults', () => {
    const bare: string[] = [];
    const walk = (node: SchemaNode, path: string): void => {
      if (descriptionOf(node) === '') bare.push(path);
      const branches = [node, ...(node.anyOf ?? [])];
      for (const { properties, additionalProperties, items } of branches) {
        for (const [key, child] of Object.entries(properties ?? {})) walk(child, `${path}.${key}`);
        if (typeof additionalProperties === 'object') walk(additionalProperties, `${path}.*`);
        if (items !== undefined) walk(items, `${path}[]`);
      }
    };
    const schema = configJsonSchema();
    walk(schema, 'config');
    expect(bare).toEqual([]);
    expect(schema).toMatchObject({
      properties: { source: { properties: { limits: { properties: { chunkRows: { default: 2000 } } } } } },
    });
  });
});
