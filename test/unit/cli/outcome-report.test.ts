/** The next step that the report of `verify` advises: never one that costs what nothing asks for. */
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Io } from '../../../src/cli/io.js';
import { printOutcomes } from '../../../src/cli/outcome-report.js';
import type { RunOptions } from '../../../src/cli/run-options.js';
import { EXIT } from '../../../src/core/errors.js';
import { NOTHING_DONE, type ShardOutcome } from '../../../src/wiring/shard-task.js';

const RUN: RunOptions = {
  kind: 'verify',
  dryRun: false,
  createTable: false,
  restart: false,
  retryBad: false,
  maxBadRows: 0,
  acceptServer: false,
  allEvents: false,
  liveWriter: false,
  selection: '--all',
};

function reportOf(found: Partial<ShardOutcome>): string {
  const written: string[] = [];
  const sink = (): Writable =>
    new Writable({
      write(text, _encoding, done) {
        written.push(String(text));
        done();
      },
    });
  const outcome: ShardOutcome = {
    ...NOTHING_DONE,
    shard: 's01',
    elapsedMs: 0,
    outcome: 'differences',
    exitCode: EXIT.differences,
    backfillFinished: true,
    ...found,
  };
  const io: Io = { stdout: sink(), stderr: sink(), env: {}, cwd: '/', onSignal: () => () => undefined };
  printOutcomes(io, RUN, [outcome]);
  return written.join('');
}

describe('the next step after a verification', () => {
  it.each([
    ['changed rows', { unresolved: 2 }, 'again while nobody changes the rows that kept changing'],
    ['a changed TTL', { unresolved: 2, doubtful: 2 }, 'again while TTL stays as it is'],
    [
      'both, and late writes',
      { unresolved: 3, doubtful: 2, lateWritesUntil: Date.UTC(2026, 0, 2) },
      'again while nobody changes the rows that kept changing, and while TTL stays as it is, and after 2026-01-02T00:00:00.000Z',
    ],
  ])('is to verify again where nothing is left open except by %s', (_, found, when) => {
    const report = reportOf(found);
    expect(report).toContain(`next: \`dynaferry verify --all\` ${when}\n`);
    expect(report).not.toContain('--restart');
  });

  it('is to look for the cause where something is wrong besides', () => {
    expect(reportOf({ missing: 1, unresolved: 2 })).toContain('next: find out who changed the target or the source');
  });

  it('is none where all is equal, and the verdict names its oldest comparison', () => {
    const verdict = { outcome: 'done', exitCode: EXIT.done, oldestComparison: { at: 0, ms: 90_000 } } as const;
    expect(reportOf(verdict)).toContain('equal in every attribute; oldest comparison 1m 30s ago\n');
  });
});
