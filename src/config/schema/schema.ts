/**
 * The YAML shape of a whole config file: field by field, with defaults and descriptions. Faults that lie between fields
 * are found by `cross-checks.ts`, so that a fault of one field never hides those.
 */
import * as z from 'zod';
import { path } from './fields.js';
import { mappingShape } from './mapping-schema.js';
import { sourceShape } from './source-schema.js';
import { targetShape } from './target-schema.js';
import { verifyShape } from './verify-schema.js';

// One file is checked once: code compiled for it would never be used again.
z.config({ jitless: true });

export const configShape = z
  .strictObject({
    state: path()
      .default('./state')
      .describe("folder of the state files, one a shard; relative to the config's folder; ./state unless given"),
    stateMoves: z
      .boolean()
      .default(false)
      .describe(
        'the state folder is on a volume that moves between hosts, as a container’s: its files on another host are no copy, and late writes of the other one are waited for; false unless given',
      ),
    source: sourceShape,
    target: targetShape,
    mapping: mappingShape,
    verify: verifyShape.prefault({}),
  })
  .describe('dynaferry.yaml: which MySQL tables become which DynamoDB items');

/** A config file whose every field is right and filled in; what lies between fields is not looked at yet. */
export type ConfigShape = z.output<typeof configShape>;
