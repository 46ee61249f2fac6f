/**
 * Evidence has an age, and is about the backfill that it has seen: what a verification vouches for, and when it is made
 * again.
 */
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ComparisonTime } from '../../../src/core/evidence.js';
import type { StateStore } from '../../../src/core/ports/state-ports.js';
import type { Pass } from '../../../src/core/ports/state-records.js';
import { openStateStore } from '../../../src/state/open.js';
import { readShardStatus } from '../../../src/state/status/read-status.js';
import { cursor, finishSamplePass, sampleChunk, samplePlan } from '../../contract/state-store-samples.js';
import { temporaryFolder } from '../../support/temporary.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SLACK_MS = 20_000;

afterEach(() => void vi.useRealTimers());

function setClock(byMs: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + byMs });
}

async function newShard() {
  const folder = await temporaryFolder();
  const at = { folder: folder.path, shard: 's01' };
  return {
    at,
    open: (): StateStore => openStateStore({ ...at, create: true }),
    edit(sql: string): void {
      const database = new Database(join(folder.path, 's01.db'));
      database.exec(sql);
      database.close();
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const ago = (store: StateStore, ms: number): ComparisonTime => ({
  at: Date.now() - ms,
  steady: store.clock.now() - ms,
});

function backfilled(store: StateStore): void {
  store.plans.save(samplePlan());
  finishSamplePass(store, store.passes.open('backfill', 'messages'));
}

/** A verification with one chunk of each range, compared so long ago. */
function compared(store: StateStore, ...msAgo: readonly number[]): Pass {
  const pass = store.passes.open('verify', 'messages', { maxAgeMs: Infinity });
  msAgo.forEach((ms, range) => {
    store.checkpoints.commit(pass, [sampleChunk({ segment: range, comparedAt: ago(store, ms) })], []);
  });
  return pass;
}

function ended(store: StateStore, pass: Pass): void {
  for (const range of [0, 1]) store.checkpoints.completeSegment(pass, range, ago(store, 0));
  store.passes.finish(pass);
}

const near = (ms: number): unknown => ({
  asymmetricMatch: (other: unknown) => typeof other === 'number' && Math.abs(other - ms) < SLACK_MS,
});

describe('the age of a comparison', () => {
  test('the state store keeps the age of a comparison by chunk, and a verification knows its oldest and newest', async () => {
    await using shard = await newShard();
    const store = shard.open();
    backfilled(store);
    const pass = store.passes.open('verify', 'messages', { maxAgeMs: HOUR_MS });
    const times = [50, 40, 45, 30].map((minutes) => ago(store, minutes * MINUTE_MS));
    times.forEach((comparedAt, index) => {
      const chunk = sampleChunk({ segment: index < 2 ? 0 : 1, last: cursor(`c${index}`), comparedAt });
      store.checkpoints.commit(pass, [chunk], []);
    });
    expect(store.passes.summary('verify', 'messages')).toMatchObject({ oldest: times[0], newest: times[3] });
    ended(store, pass);
    // What a range ended with is no news of the rows that were found in it.
    expect(store.passes.summary('verify', 'messages')).toMatchObject({ oldest: times[0], newest: times[3] });
    store.close();
    const database = new Database(join(shard.at.folder, 's01.db'), { readonly: true });
    const kept = database.prepare('SELECT compared_at AS at, compared_steady AS steady FROM chunks WHERE pass_id = ?');
    expect(kept.all(pass.id)).toEqual(times);
    database.close();
    const status = readShardStatus(shard.at, ['messages']);
    expect(status).toMatchObject({
      phase: 'verified',
      oldestComparison: { at: times[0]?.at, ms: near(50 * MINUTE_MS) },
    });
  });

  test('the age of a comparison of a range without rows is the age of the search for them', async () => {
    await using shard = await newShard();
    const store = shard.open();
    backfilled(store);
    const pass = compared(store, 10 * MINUTE_MS);
    const since = ago(store, 20 * MINUTE_MS);
    store.checkpoints.completeSegment(pass, 0, ago(store, 0));
    store.checkpoints.completeSegment(pass, 1, since);
    expect(store.passes.summary('verify', 'messages')).toMatchObject({ oldest: since });
    store.close();
  });

  test.runIf(process.platform === 'linux').each([-24 * HOUR_MS, 24 * HOUR_MS])(
    'the age of a comparison does not shrink when the clock is set by %i ms',
    async (byMs) => {
      await using shard = await newShard();
      const store = shard.open();
      backfilled(store);
      compared(store, 2 * HOUR_MS);
      store.close();
      setClock(byMs);
      const later = shard.open();
      expect(later.passes.abandoned('messages', HOUR_MS)).toMatchObject({
        reason: 'aged',
        lastActive: { ms: near(2 * HOUR_MS + Math.max(0, byMs)) },
      });
      later.close();
      expect(readShardStatus(shard.at, null)?.oldestComparison?.ms).toEqual(near(2 * HOUR_MS + Math.max(0, byMs)));
    },
  );

  test.runIf(process.platform === 'linux').each([
    ['both clocks said later', ''],
    ['the wall clock alone said later', 'UPDATE pass_segments SET oldest_steady = 1, newest_steady = 1'],
  ])('the age of a comparison is unknown after a restart of the machine set the clock back: %s', async (_, edit) => {
    await using shard = await newShard();
    const store = shard.open();
    backfilled(store);
    const pass = compared(store, 0, 0);
    store.close();
    // The boot before this one, by a clock that said later than this one's begin.
    shard.edit(`UPDATE meta SET boot = 'another one'; ${edit}`);
    expect(readShardStatus(shard.at, null)?.oldestComparison).toMatchObject({ ms: null });
    const later = shard.open();
    expect(later.passes.abandoned('messages', 1_000 * HOUR_MS)).toMatchObject({
      reason: 'aged',
      lastActive: { ms: null },
    });
    expect(later.passes.open('verify', 'messages', { maxAgeMs: 1_000 * HOUR_MS }).id).toBeGreaterThan(pass.id);
    later.close();
    // Time does not make it known again.
    setClock(HOUR_MS);
    shard.edit(`DELETE FROM pass_segments WHERE pass_id > ${pass.id}; DELETE FROM passes WHERE id > ${pass.id}`);
    expect(readShardStatus(shard.at, null)?.oldestComparison).toMatchObject({ ms: null });
  });

  test.runIf(process.platform === 'linux')('the age of a comparison survives a restart of the machine', async () => {
    await using shard = await newShard();
    const store = shard.open();
    backfilled(store);
    const days = 400 * 24 * HOUR_MS;
    compared(store, days);
    store.close();
    shard.edit("UPDATE meta SET boot = 'another one'");
    const look = (): unknown => readShardStatus(shard.at, null)?.oldestComparison?.ms;
    expect(look()).toEqual(near(days));
    shard.open().close();
    expect(look()).toEqual(near(days));
  });
});

describe('an interrupted verification', () => {
  test.each([
    [59 * MINUTE_MS, HOUR_MS, true],
    [61 * MINUTE_MS, HOUR_MS, false],
    [61 * MINUTE_MS, 2 * HOUR_MS, true],
    [0, 0, false],
  ])('a verification last active %i ms ago, with maxAge %i ms, is resumed: %s', async (lastMs, maxAgeMs, resumed) => {
    await using shard = await newShard();
    const store = shard.open();
    backfilled(store);
    // However long ago the first one was: its age is told, and no reason to begin again.
    const pass = compared(store, 100 * HOUR_MS, lastMs);
    expect(store.passes.abandoned('messages', maxAgeMs) === null).toBe(resumed);
    const next = store.passes.open('verify', 'messages', { maxAgeMs });
    expect(next.id === pass.id).toBe(resumed);
    store.close();
  });

  test('an abandoned verification is not resumed after the one that replaced it', async () => {
    await using shard = await newShard();
    const store = shard.open();
    backfilled(store);
    const first = compared(store, 2 * HOUR_MS);
    const second = store.passes.open('verify', 'messages', { maxAgeMs: HOUR_MS });
    store.checkpoints.commit(second, [sampleChunk({ comparedAt: ago(store, 0) })], []);
    ended(store, second);
    const third = store.passes.open('verify', 'messages', { maxAgeMs: 24 * HOUR_MS });
    expect(new Set([first.id, second.id, third.id]).size).toBe(3);
    store.close();
  });
});

describe('a verification and the backfill that it saw', () => {
  const phase = (shard: Awaited<ReturnType<typeof newShard>>) => readShardStatus(shard.at, ['messages'])?.phase;

  test('a verification over an unfinished backfill is resumed while the backfill stands still, and proves nothing', async () => {
    await using shard = await newShard();
    const store = shard.open();
    store.plans.save(samplePlan());
    const backfill = store.passes.open('backfill', 'messages');
    store.checkpoints.commit(backfill, [sampleChunk()], []);
    const first = store.passes.open('verify', 'messages', { maxAgeMs: HOUR_MS });
    expect(store.passes.open('verify', 'messages', { maxAgeMs: HOUR_MS }).id).toBe(first.id);
    expect(store.passes.standing('messages')).toBe('backfill-unfinished');

    store.checkpoints.commit(backfill, [sampleChunk({ last: cursor('b') })], []);
    expect(store.passes.standing('messages')).toBe('before-backfill');
    expect(store.passes.abandoned('messages', HOUR_MS)).toMatchObject({ reason: 'before-backfill' });
    const second = store.passes.open('verify', 'messages', { maxAgeMs: HOUR_MS });
    expect(second.id).toBeGreaterThan(first.id);
    for (const range of [0, 1]) {
      store.checkpoints.commit(second, [sampleChunk({ segment: range, missing: 1, comparedAt: ago(store, 0) })], []);
    }
    ended(store, second);
    expect(store.passes.standing('messages')).toBe('backfill-unfinished');
    expect(phase(shard)).toBe('backfilling');
    expect(readShardStatus(shard.at, ['messages'])?.oldestComparison).toBeNull();

    // Without a further chunk.
    for (const range of [0, 1]) store.checkpoints.completeSegment(backfill, range);
    store.passes.finish(backfill);
    expect(store.passes.standing('messages')).toBe('before-backfill');
    expect(phase(shard)).toBe('backfilled');
    const third = store.passes.open('verify', 'messages', { maxAgeMs: HOUR_MS });
    expect(third).toMatchObject({ sawBackfill: backfill.id });
    ended(store, third);
    expect(phase(shard)).toBe('verified');
    store.close();
  });

  test('the phase of a shard is about the tables that the config names', async () => {
    await using shard = await newShard();
    const store = shard.open();
    backfilled(store);
    ended(store, store.passes.open('verify', 'messages', { maxAgeMs: HOUR_MS }));
    store.plans.save(samplePlan({ table: 'former' }));
    const look = (tables: readonly string[]) => {
      const status = readShardStatus(shard.at, tables);
      return [status?.phase, status?.tables.map(({ table, inConfig, planned }) => [table, inConfig, planned])];
    };
    expect(look(['messages'])).toEqual([
      'verified',
      [
        ['messages', true, true],
        ['former', false, true],
      ],
    ]);
    expect(look(['media', 'messages'])).toEqual([
      'backfilling',
      [
        ['media', true, false],
        ['messages', true, true],
        ['former', false, true],
      ],
    ]);
    expect(look(['media'])[0]).toBe('new');
    store.close();
  });
});
