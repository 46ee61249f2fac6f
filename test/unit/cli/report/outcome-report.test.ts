/** The next step that the report of `verify` advises: never one that costs what nothing asks for. */
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Io } from '../../../../src/cli/io.js';
import { printOutcomes } from '../../../../src/cli/report/outcome-report.js';
import { BACKFILL_REPORT } from '../../../../src/cli/report/backfill-report.js';
import type { VerbReport } from '../../../../src/cli/report/verb-report.js';
import { VERIFY_REPORT } from '../../../../src/cli/report/verify-report.js';
import type { ReportedRun } from '../../../../src/cli/report/verb-report.js';
import { restated, restating, resumeCommand } from '../../../../src/cli/resume-command.js';
import { EXIT } from '../../../../src/core/errors.js';
import { EventBus } from '../../../../src/core/event-bus.js';
import { NO_COUNTS } from '../../../../src/core/model.js';
import { VERBS } from '../../../../src/engine/verbs.js';
import type { Ending, OutcomeOf } from '../../../../src/wiring/run/shard-task.js';

const RUN: ReportedRun = {
  dryRun: false,
  liveWriter: false,
  selection: '--all',
  resume: null,
  restartsLeft: [],
};
const ENDING: Ending = {
  shard: 's01',
  status: 'differences',
  exitCode: EXIT.differences,
  toldBy: 'process',
  fault: null,
  elapsedMs: 0,
};

function printed<Name extends 'backfill' | 'verify'>(
  report: VerbReport<Name>,
  outcome: OutcomeOf<Name>,
  run: Partial<ReportedRun>,
): string {
  const written: string[] = [];
  const sink = (): Writable =>
    new Writable({
      write(text, _encoding, done) {
        written.push(String(text));
        done();
      },
    });
  const io: Io = { stdout: sink(), stderr: sink(), env: {}, cwd: '/', onSignal: () => () => undefined };
  printOutcomes(io, { ...RUN, ...run }, report, [outcome]);
  return written.join('');
}

function reportOf(found: Partial<OutcomeOf<'verify'>>, run: Partial<ReportedRun> = {}): string {
  const outcome = { ...VERBS.verify.nothing, ...ENDING, verb: 'verify' as const, backfillFinished: true, ...found };
  return printed(VERIFY_REPORT, outcome, run);
}

function backfillReport(found: Partial<OutcomeOf<'backfill'>>, run: Partial<ReportedRun> = {}): string {
  const outcome = { ...VERBS.backfill.nothing, ...ENDING, verb: 'backfill' as const, backfillFinished: true, ...found };
  return printed(BACKFILL_REPORT, outcome, run);
}

describe('next steps of a verification', () => {
  it.each([
    ['changed rows', { unresolved: 2 }, 'again while nobody changes the rows that kept changing'],
    ['a changed TTL', { unresolved: 2, doubtful: 2 }, 'again while TTL stays as it is'],
    [
      'both, and late writes',
      { unresolved: 3, doubtful: 2, lateWritesUntil: Date.UTC(2026, 0, 2) },
      'again while nobody changes the rows that kept changing, and while TTL stays as it is, and after 2026-01-02T00:00:00.000Z',
    ],
  ])('the report of a verification says to verify again where nothing is left open except by %s', (_, found, when) => {
    const report = reportOf(found);
    expect(report).toContain(`next: \`dynaferry verify --all\` ${when}\n`);
    expect(report).not.toContain('--restart');
  });

  it('the report of a verification says to look for the cause where something else is wrong as well', () => {
    expect(reportOf({ missing: 1, unresolved: 2 })).toContain('next: find out who changed the target or the source');
  });

  it('the report of a verification has no next step where all is equal, and names its oldest comparison', () => {
    const verdict = { status: 'done', exitCode: EXIT.done, oldestComparison: { at: 0, ms: 90_000 } } as const;
    expect(reportOf(verdict)).toContain('equal in every attribute; oldest comparison 1m 30s ago\n');
  });
});

describe('the report of a stopped run', () => {
  const stopped = { status: 'interrupted', exitCode: EXIT.interrupted } as const;
  const counts = { ...NO_COUNTS, rows: 1_200, items: 2_400, chunks: 12 };

  it('the report of a stopped run names a shard whose process was not started, and what is known of it', () => {
    expect(backfillReport({ ...stopped, toldBy: 'nobody' })).toMatch(/^s01 {2}not started$/m);
    expect(backfillReport({ ...stopped, toldBy: 'nobody', counts })).toMatch(
      /^s01 {2}not started by this run; earlier runs moved 1,200 rows, 2,400 items$/m,
    );
    expect(backfillReport({ ...stopped, toldBy: 'state', counts })).toMatch(
      /^s01 {2}its process ended before the stop was complete; the checkpoint has: 1,200 rows, 2,400 items \(12 chunks/m,
    );
  });

  it('the report of a stopped run names the command that resumes a restart, and what the restart had not reached', () => {
    const run = { resume: 'dynaferry backfill --all', restartsLeft: ['s01'] };
    const report = backfillReport({ ...stopped, toldBy: 'nobody', counts }, run);
    expect(report).toMatch(/^s01 {2}--restart has not reached it yet: this run wrote no item of it$/m);
    expect(report).toContain(
      'to resume, run `dynaferry backfill --all`; with --restart, all shards would start again\n',
    );
    expect(report).not.toContain('same command');
  });
});

describe('resumeCommand and restated', () => {
  const common = { config: 'dynaferry.yaml', json: false, shard: [], all: true };
  const run = { restart: true, jobs: undefined, allEvents: false, repeated: [] };

  it('resumeCommand is null where the same command resumes, and does not repeat --restart', () => {
    expect(resumeCommand(common, { ...run, restart: false }, 'backfill', '--all')).toBeNull();
    expect(resumeCommand(common, run, 'backfill', '--all')).toBe('dynaferry backfill --all');
    const all = { ...run, jobs: 2, repeated: ['--max-bad-rows', '9'], allEvents: true };
    expect(resumeCommand({ ...common, config: "it's here.yaml" }, all, 'backfill', '--shard s01 s02')).toBe(
      "dynaferry backfill --shard s01 s02 --config 'it'\\''s here.yaml' --jobs 2 --max-bad-rows 9 --all-events",
    );
  });

  it('restated puts the command that resumes into every next step', () => {
    const fault = {
      code: 'E_SOURCE_LOST',
      message: 'm',
      hint: 'look; then run the same command again to resume',
    } as const;
    expect(restated(fault, null)).toEqual(fault);
    const odd = "dynaferry backfill --all --config '/a/$1$&$'";
    expect(restated(fault, odd).hint).toContain(`un \`${odd}\``);
    expect(restated(fault, 'dynaferry backfill --all').hint).toBe(
      'look; then run `dynaferry backfill --all` to resume',
    );
    const bus = new EventBus();
    const hints: string[] = [];
    bus.on('shard.warning', ({ hint }) => void hints.push(hint));
    bus.on('shard.finished', (payload) => void hints.push(payload.fault?.hint ?? ''));
    const told = restating(bus, 'X');
    told.emit('shard.warning', { shard: 's01', ...fault });
    told.emit('shard.finished', {
      shard: 's01',
      status: 'failed',
      toldBy: 'process',
      counts: NO_COUNTS,
      elapsedMs: 1,
      fault,
    });
    expect(hints).toEqual(['look; then run `X` to resume', 'look; then run `X` to resume']);
  });
});

it('the report of a verification names the command that lists all differences, however few it shows itself', () => {
  const listed = '`dynaferry differences --shard s01` lists all';
  expect(reportOf({ missing: 5_000 })).toContain(`\n  5,000 differences; ${listed}\n`);
  const difference = { class: 'missing', table: 't', row: 'id=1', attributes: [] } as const;
  const differences = Array.from({ length: 20 }, (_, n) => ({ ...difference, keyText: `{"pk":{"S":"it's ${n}"}}` }));
  const report = reportOf({ missing: 5_000, findings: { badRows: [], differences } });
  expect(report.match(/^ {2}missing /gm)).toHaveLength(5);
  expect(report).toContain(`\n  and 4,995 more differences; ${listed}\n`);
  expect(report).toContain(
    `\`dynaferry diff --shard s01 --keys '{"pk":{"S":"it'\\''s 0"}}' --show-values\`;\n      \`dynaferry differences --all\``,
  );
});

it('the report of a stop for bad rows says that it counts the recorded ones, and shows a few of them', () => {
  const bad = { table: 't', column: 'c', cause: 'value', kind: 'date', reason: 'r', remedy: 'm', row: 'id=1' } as const;
  const badRows = Array.from({ length: 20 }, () => bad);
  const failed = { status: 'failed', badRows: 41, findings: { badRows, differences: [] } } as const;
  const report = backfillReport(failed);
  expect(report).toMatch(/^s01 {2}failed: 0 rows, 0 items \(41 bad rows recorded, /m);
  expect(report.match(/^ {2}bad row /gm)).toHaveLength(5);
  expect(report).toContain('\n  and 36 more bad rows; `dynaferry bad-rows s01` lists all\n');
});

it('the report says how many more bad rows there are only where it lists some of them', () => {
  const bad = { table: 't', column: 'c', cause: 'value', kind: 'date', reason: 'r', remedy: 'm', row: 'id=1' } as const;
  const report = (badRows: readonly (typeof bad)[]): string =>
    reportOf({ badRows: 33, findings: { badRows, differences: [] } });
  expect(report([])).toContain('\n  33 bad rows; `dynaferry bad-rows s01` lists all\n');
  expect(report([bad])).toContain('\n  and 32 more bad rows; `dynaferry bad-rows s01` lists all\n');
});
