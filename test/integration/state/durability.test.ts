import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { openStateStore } from '../../../src/state/open.js';
import { fileCalls, traced, type FileCall } from '../../support/system-calls.js';
import { temporaryFolder } from '../../support/temporary.js';
import { allLines, startScript } from './child-script.js';

function stored(folder: string) {
  const store = openStateStore({ folder, shard: 's01', create: false });
  try {
    const pass = store.passes.open('backfill', 'messages');
    return {
      chunks: store.passes.summary('backfill', 'messages')?.counts.chunks ?? 0,
      rows: store.passes.summary('backfill', 'messages')?.counts.rows,
      watermark: store.passes.progress(pass)[0]?.watermark,
      badRows: store.badRows.list('messages').length,
    };
  } finally {
    store.close();
  }
}

describe('kill -9', () => {
  test('a state file holds exactly the reported commits after a kill -9 right after a commit', async () => {
    await using folder = await temporaryFolder();
    let reported = 0;
    for (const count of [1, 17, 40]) {
      await using child = startScript('commit-chunks', [folder.path, 's01', String(count)]);
      const lines = await allLines(child);
      expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
      reported += count;
      expect(lines.at(-1)).toBe(String(reported));
      expect(stored(folder.path)).toEqual({
        chunks: reported,
        rows: 10 * reported,
        watermark: String(reported),
        badRows: reported,
      });
    }
  });

  test('a state file holds the reported commits whole, and at most one more, after a kill -9 at any moment', async () => {
    await using folder = await temporaryFolder();
    for (let round = 0; round < 5; round++) {
      await using child = startScript('commit-chunks', [folder.path, 's01', '1000000']);
      const lines: (string | null)[] = [];
      while (lines.length < 5 + 20 * round) lines.push(await child.line());
      child.kill('SIGKILL');
      lines.push(...(await allLines(child)));
      const last = Number(lines.at(-1));
      const { chunks, rows, watermark, badRows } = stored(folder.path);
      expect([last, last + 1]).toContain(chunks);
      expect({ rows, watermark }).toEqual({ rows: 10 * chunks, watermark: String(chunks) });
      expect([chunks, chunks + 1]).toContain(badRows);
    }
  });
});

test('a pass of segments without a plan resumes where a kill -9 left it, and finishes', async () => {
  await using folder = await temporaryFolder();
  for (const count of [3, 10]) {
    await using child = startScript('commit-chunks', [folder.path, 's01', String(count), '8']);
    await allLines(child);
    expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
  }
  const store = openStateStore({ folder: folder.path, shard: 's01', create: false });
  const pass = store.passes.open('scan of the target', 'messages', { segments: 8 });
  const progress = store.passes.progress(pass);
  expect(progress.map(({ watermark }) => watermark)).toEqual(['8', '9', '10', '11', '12', '13', '6', '7']);
  expect(progress.map(({ range }) => range)).toEqual(progress.map(() => null));
  for (const { index } of progress) store.checkpoints.completeSegment(pass, index);
  store.passes.finish(pass);
  expect(store.passes.summary('scan of the target', 'messages')).toMatchObject({
    pass: { id: pass.id, finishedAt: expect.any(Number) as number },
    counts: { chunks: 13, rows: 130 },
    rangesComplete: 8,
  });
  store.close();
});

/**
 * A memory map of SQLite's, made anew after a crash; the file that a lock is on; and a witness, which may say less than
 * there is.
 */
const FLEETING = /(-shm|\.lock|\.lock-journal|\.seen)$/;
/** What a step changes of which file: else a step that writes nothing at all would pass. */
const WRITES: Readonly<Record<string, RegExp>> = {
  create: /^s01\.db/,
  'create register': /^item-keys\.db/,
  claim: /^item-keys\.db-wal$/,
  askRestart: /^s01\.restart\.new$/,
  giveUpClaims: /^s01\.restart$/,
  archive: /^s01\.db/,
  discard: /^s01\.db/,
};
const CHANGES_STATE = /^s01\.db-wal$/;

interface Step {
  readonly name: string;
  readonly calls: readonly FileCall[];
}

/** By what the script says: the calls between one step's return and the next one's. */
function stepsOf(calls: readonly FileCall[]): readonly Step[] {
  const steps: Step[] = [];
  let since: FileCall[] = [];
  for (const call of calls) {
    if (call.kind !== 'said') since.push(call);
    else {
      if (call.file !== 'start') steps.push({ name: call.file, calls: since });
      since = [];
    }
  }
  return steps;
}

/**
 * Files that were written and not synced afterwards, and folders in which a name was changed and not synced afterwards.
 */
function notSynced(calls: readonly FileCall[]): readonly string[] {
  const open = new Set<string>();
  for (const { kind, file, to } of calls) {
    if (FLEETING.test(file)) continue;
    if (kind === 'write') open.add(file);
    else if (kind === 'sync') open.delete(file);
    else if (kind === 'rename') {
      // What is in it goes along under its new name.
      if (open.delete(file)) open.add(to);
      open.add('state');
    } else if (kind === 'create') open.add('state');
    else if (kind === 'make') open.add('parent');
    else if (kind === 'remove') open.delete(file);
  }
  return [...open];
}

describe.each(inject('tracers'))('system calls of the state, as %s sees them', () => {
  async function stepsWith(synchronous: string): Promise<readonly Step[]> {
    await using temporary = await temporaryFolder();
    const parent = join(temporary.path, 'parent');
    mkdirSync(parent);
    const log = join(temporary.path, 'calls');
    await using child = startScript('durable-steps', [join(parent, 'state'), synchronous], traced(log));
    const said = await allLines(child);
    expect(said.at(-1)).toBe('step discard');
    return stepsOf(fileCalls(readFileSync(log, 'utf8'), parent));
  }

  test('the state and the key register sync to disk whatever they report, before they report it', async () => {
    const steps = await stepsWith('as it is');
    expect(steps.length).toBeGreaterThan(20);
    for (const { name, calls } of steps) {
      const written = calls.filter(({ kind }) => kind !== 'sync').map(({ file }) => file);
      expect(
        written.some((file) => (WRITES[name] ?? CHANGES_STATE).test(file)),
        `${name} writes`,
      ).toBe(true);
      expect({ name, notSynced: notSynced(calls) }).toEqual({ name, notSynced: [] });
    }
  });

  test.each(['OFF', 'NORMAL'])('the durability test sees nothing synced with synchronous = %s', async (synchronous) => {
    const steps = await stepsWith(synchronous);
    const kept = steps.filter(({ calls }) => notSynced(calls).length === 0).map(({ name }) => name);
    // What makes and moves files is synced by other means.
    expect(kept.filter((name) => !/^(create|askRestart|archive|giveUpClaims|discard)/.test(name))).toEqual([]);
  });
});
