/**
 * A request without an answer may still be applied, over a newer item. Verification passes only once that cannot happen
 * any more, and then the item is right, or named. No test waits: `support/late-writes.ts` lands the writes and lets the
 * 20 minutes pass.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { readShardStatus } from '../../src/state/status/read-status.js';
import { inOrder, startFaultProxy, type FaultPlan, type FaultProxy, type SeenRequest } from '../support/fault-proxy.js';
import { LATE_WRITE_WINDOW_MS } from '../../src/core/time/late-writes.js';
import { wallClockMoved } from '../support/moved-clocks.js';
import { landLate, letLateWriteWindowPass } from '../support/late-writes.js';
import { createMigration, onePair, type Migration } from '../support/migration.js';

const ROWS = 120;
const LOST: FaultPlan = inOrder({ kind: 'reset', applied: false });

interface PutEntry {
  readonly PutRequest: { readonly Item: Record<'pk' | 'sk' | 'sid' | 'to_number', { readonly S: string } | undefined> };
}

interface Outcome {
  readonly status: string;
  readonly missing: number;
  readonly differing: number;
  readonly suspects: number;
  readonly lateWritesUntil: number | null;
  readonly findings: { readonly differences: readonly { readonly keyText: string; readonly attributes: string[] }[] };
}

const through = (proxy: FaultProxy): { env: Record<string, string> } => ({
  env: { AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint },
});

const equal = { missing: 0, differing: 0, findings: { differences: [] } };

/** The request and one message item of it. */
function lostWrite(proxy: FaultProxy): { request: SeenRequest; sid: string; keyText: string } {
  const [request] = proxy.requests;
  const items = (request?.entries ?? []).map((entry) => (JSON.parse(entry) as PutEntry).PutRequest.Item);
  const item = items.find(({ to_number }) => to_number !== undefined);
  if (request === undefined || item?.sid === undefined) throw new Error('no message item was sent');
  return { request, sid: item.sid.S, keyText: JSON.stringify({ pk: item.pk, sk: item.sk }) };
}

async function changeRow(migration: Migration, sid: string): Promise<void> {
  const change = 'UPDATE messages SET to_number = ?, updated_at = updated_at WHERE sid = ?';
  await migration.databases[0]?.query(change, ['+999', sid]);
}

async function verify(
  migration: Migration,
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; outcome: Outcome }> {
  const { code, stdout, stderr } = await migration.run(['verify', '--json'], { env });
  const [outcome] = (JSON.parse(stdout) as { shards: Outcome[] }).shards;
  if (outcome === undefined) throw new Error(`no outcome:\n${stdout}\n${stderr}`);
  return { code, outcome };
}

const phaseOf = (migration: Migration): string | undefined =>
  readShardStatus({ folder: migration.stateFolder, shard: 's01' })?.phase;

const timePasses = (migration: Migration): void => letLateWriteWindowPass(migration.stateFolder, ['s01']);

describe.each(onePair)('a write to $name that lands late', { timeout: 120_000 }, (servers) => {
  it('a write that may land late holds back verification as a suspect, until its key is compared after the window', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, LOST);
    expect(await migration.run(['backfill'], through(proxy))).toMatchObject({ code: 0 });
    const { request, sid } = lostWrite(proxy);
    const suspects = request.entries.length;

    const early = await migration.run(['verify']);
    expect(early).toMatchObject({ code: 7 });
    expect(early.stdout).toContain(`s01  not proven: ${suspects} writes without an answer`);
    expect(early.stdout).toMatch(/next: nothing is wrong so far; `dynaferry verify --all` again after 20/);
    expect(phaseOf(migration)).toBe('unproven');

    // It lands, as it was: the same items. One of its rows is deleted meanwhile, so nothing says what its items should
    // be.
    await landLate(servers.dynamodb.endpoint, request);
    await migration.databases[0]?.query('DELETE FROM messages WHERE sid = ?', [sid]);
    timePasses(migration);
    expect(await verify(migration)).toMatchObject({ code: 0, outcome: { status: 'done', suspects: 0, ...equal } });
    expect(phaseOf(migration)).toBe('verified');
  });

  it.each([60, -60])(
    'a restarted shard whose clock is off by %i minutes remembers a suspect write, and verify finds its old value by key',
    async (minutes) => {
      const env = wallClockMoved(minutes * 60_000);
      await using migration = await createMigration({ servers, rows: ROWS });
      await using proxy = await startFaultProxy(servers.dynamodb.endpoint, LOST);
      expect(await migration.run(['backfill'], through(proxy))).toMatchObject({ code: 0 });
      const { request, sid, keyText } = lostWrite(proxy);
      await changeRow(migration, sid);
      const sentBefore = Date.now();
      expect(await migration.run(['backfill', '--restart'], { env })).toMatchObject({ code: 0 });

      const early = await verify(migration, env);
      expect(early).toMatchObject({ code: 7, outcome: { status: 'unproven', ...equal } });
      const by = (early.outcome.lateWritesUntil ?? 0) - (sentBefore + minutes * 60_000);
      expect(by).toBeGreaterThan(LATE_WRITE_WINDOW_MS - 60_000);
      expect(by).toBeLessThanOrEqual(LATE_WRITE_WINDOW_MS);
      expect(phaseOf(migration)).toBe('unproven');

      await landLate(servers.dynamodb.endpoint, request);
      timePasses(migration);
      const late = await verify(migration);
      expect(late).toMatchObject({ code: 1, outcome: { differing: 1, missing: 0, lateWritesUntil: null } });
      expect(late.outcome.findings.differences).toMatchObject([{ keyText, attributes: ['to_number'] }]);
    },
  );

  it('verify waits for late writes after a kill -9, though nobody knows which writes were in flight', async () => {
    await using migration = await createMigration({ servers, rows: ROWS });
    await using proxy = await startFaultProxy(servers.dynamodb.endpoint, () => ({ kind: 'hang', applied: false }));
    await using cli = await migration.spawn(['backfill'], through(proxy));
    while (proxy.requests.length === 0) await sleep(10);
    cli.killGroup('SIGKILL');
    await cli.result;
    const status = await migration.run(['status']);
    expect(status.stdout).toContain(
      's01: an earlier run ended with writes in flight; DynamoDB may still apply them for 20m',
    );

    const { request, sid, keyText } = lostWrite(proxy);
    await changeRow(migration, sid);
    expect(await migration.run(['backfill'])).toMatchObject({ code: 0 });
    const early = await migration.run(['verify']);
    expect(early).toMatchObject({ code: 7 });
    expect(early.stderr).toContain('warning: an earlier run ended with writes in flight');
    expect(early.stdout).toContain('s01  not proven: an earlier run ended with writes in flight: 120 rows');
    expect(early.stdout).toMatch(/DynamoDB may still apply writes of the earlier run: verify again after 20/);
    expect((await migration.run(['status'])).stdout).toContain('not proven');

    await landLate(servers.dynamodb.endpoint, request);
    timePasses(migration);
    expect(phaseOf(migration)).toBe('unproven');
    const late = await verify(migration);
    expect(late).toMatchObject({ code: 1, outcome: { differing: 1, missing: 0, lateWritesUntil: null } });
    expect(late.outcome.findings.differences).toMatchObject([{ keyText, attributes: ['to_number'] }]);
  });
});
