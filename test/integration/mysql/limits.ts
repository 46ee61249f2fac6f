/** Source limits for tests that are about something else. */
import type { SourceLimits } from '../../../src/config/model.js';

export const LIMITS: SourceLimits = {
  scansPerShard: 3,
  rangesPerTable: 8,
  chunkMs: 250,
  chunkRows: 1_000,
  chunkBytes: 1_000_000,
  maxReplicaLagSeconds: 30,
  maxThreadsRunning: 1_000,
};
