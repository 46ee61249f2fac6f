/**
 * Defines the YAML shape of a whole config file: field by field, with defaults and descriptions. `cross-checks.ts`
 * finds the faults between fields, so that a fault of one field never hides those.
 */
import * as z from 'zod';
import { path } from './fields.js';
import { mappingShape } from './mapping-schema.js';
import { sourceShape } from './source-schema.js';
import { targetShape } from './target-schema.js';
import { verifyShape } from './verify-schema.js';

// A process checks one file once: zod would compile code that is never used again.
z.config({ jitless: true });

export const configShape = z
  .strictObject({
    state: path()
      .default('./state')
      .describe(
        "folder of the state files, one per shard; a relative path starts from the config's folder; default: ./state",
      ),
    stateMoves: z
      .boolean()
      .default(false)
      .describe(
        'true: the state folder is on a volume that moves between hosts, as in containers. Its files on another host are then not a copy, and dynaferry waits for late writes of the former host; default: false',
      ),
    source: sourceShape,
    target: targetShape,
    mapping: mappingShape,
    verify: verifyShape.prefault({}),
  })
  .describe('dynaferry.yaml: which MySQL tables become which DynamoDB items');

/** A config file with every field valid and filled in. Faults between fields are not checked yet. */
export type ConfigShape = z.output<typeof configShape>;
