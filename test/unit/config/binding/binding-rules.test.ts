/** What older states may lack, what may grow, and in what shards have to agree: as `setting-changes.ts` has it. */
import { describe, expect, it } from 'vitest';
import { disagreements, haveOneTarget, takenUp } from '../../../../src/config/binding/binding-rules.js';
import type { Fingerprint } from '../../../../src/core/ports/state-records.js';
import { alter } from '../config-file.js';

/** As `resumeFingerprint` makes it, and as it comes back from JSON. */
function fingerprint() {
  const item = {
    partitionKey: { name: 'pk', type: 'S', template: '{id}', spread: null },
    sortKey: { name: 'sk', type: 'S', template: '{at:iso}', spread: null },
    attributes: { columns: 'all', drop: [], rules: { body: { name: 'text' } }, add: {} },
    ttl: null,
  };
  return {
    target: { table: 't', region: null, endpoint: null, identity: 'arn 1' },
    declared: { messages: { shardedBy: 'acct', globallyUnique: ['sid'] } },
    writer: { liveWriter: 'concurrent', versionAttribute: 'v', tombstoneRetentionSeconds: 7_200 },
    tables: { messages: { where: null, scanKey: null, items: { message: item }, columns: { declared: {} } } },
  };
}

const changed = (path: string, value: unknown): Fingerprint => alter(fingerprint(), path, value) as Fingerprint;

describe('takenUp', () => {
  it.each(['declared', 'writer', 'declared.messages.globallyUnique', 'writer.tombstoneRetentionSeconds'])(
    'takenUp adds an entry that an older version did not store: %s',
    (path) => {
      expect(takenUp(changed(path, undefined), fingerprint())).toEqual(fingerprint());
    },
  );

  it.each(['tables.messages.where', 'tables.messages.columns.declared', 'target.identity', 'target'])(
    'takenUp adds no other entry that is missing: %s',
    (path) => {
      const stored = changed(path, undefined);
      expect(takenUp(stored, fingerprint())).toEqual(stored);
    },
  );

  describe('an entry stored under its old name', () => {
    const storedBefore = (tombstonesKeptSeconds: number | null): Fingerprint =>
      changed('writer', { liveWriter: 'concurrent', versionAttribute: 'v', tombstonesKeptSeconds });

    it.each([7_200, 7_199, null])(
      'takenUp takes up a retention equal to or longer than the one stored under the old name: %s',
      (seconds) => {
        expect(takenUp(storedBefore(seconds), fingerprint())).toEqual(fingerprint());
      },
    );

    it('takenUp compares a shorter retention under the present name, and does not take it up', () => {
      const stored = changed('writer.tombstoneRetentionSeconds', 7_201);
      expect(takenUp(storedBefore(7_201), fingerprint())).toEqual(stored);
    });
  });

  it.each([
    [7_200, 7_201],
    [null, 1],
  ])('takenUp takes up tombstones that are kept longer: %s, then %s', (before, after) => {
    const given = changed('writer.tombstoneRetentionSeconds', after);
    expect(takenUp(changed('writer.tombstoneRetentionSeconds', before), given)).toEqual(given);
  });

  it.each([
    [7_200, 7_199],
    [7_200, null],
  ])('takenUp does not take up tombstones that are kept shorter: %s, then %s', (before, after) => {
    const stored = changed('writer.tombstoneRetentionSeconds', before);
    expect(takenUp(stored, changed('writer.tombstoneRetentionSeconds', after))).toEqual(stored);
  });

  it.each([
    ['declared.messages.shardedBy', null],
    ['writer.liveWriter', 'none'],
    ['writer.versionAttribute', null],
  ])('takenUp does not take up another value of %s', (path, value) => {
    const stored = changed(path, value);
    expect(takenUp(stored, fingerprint())).toEqual(stored);
  });
});

describe('shards of one migration', () => {
  it.each([
    ['declared.messages.shardedBy', 'org'],
    ['declared.messages.globallyUnique', []],
    ['writer.liveWriter', 'none'],
    ['writer.versionAttribute', null],
    ['target.identity', 'arn 2'],
    ['tables.messages.items.message.partitionKey.template', '{other}'],
    ['tables.messages.items.message.sortKey.type', 'N'],
  ])('shards of one migration have to agree in %s', (path, value) => {
    const changes = disagreements(fingerprint(), changed(path, value));
    expect(changes.map((change) => change.path)).toEqual([path]);
    expect(changes[0]?.to).toEqual(value);
  });

  it('shards of one migration have to agree on whether a spread, a sort key, an item or a table is there', () => {
    const spread = { by: 'sid', shards: 4, account: null, overrides: {} };
    for (const [path, value] of [
      ['tables.messages.items.message.partitionKey.spread', spread],
      ['tables.messages.items.message.sortKey', null],
      ['tables.messages.items.further', { partitionKey: { template: 'x' } }],
      ['tables.further', { items: {} }],
    ] as const) {
      expect(disagreements(fingerprint(), changed(path, value)), path).not.toEqual([]);
      expect(disagreements(changed(path, value), fingerprint()), path).not.toEqual([]);
    }
  });

  it.each([
    ['tables.messages.where', 'a = 1'],
    ['tables.messages.scanKey', ['id']],
    ['tables.messages.items.message.attributes.rules', {}],
    ['tables.messages.columns', {}],
    ['writer.tombstoneRetentionSeconds', 1],
    ['target.region', 'eu-central-1'],
  ])('shards of one migration may differ in %s', (path, value) => {
    expect(disagreements(fingerprint(), changed(path, value))).toEqual([]);
  });

  it('shards of one migration do not disagree over what an older version did not store', () => {
    expect(disagreements(changed('declared', undefined), fingerprint())).toEqual([]);
    expect(disagreements(changed('writer', undefined), fingerprint())).toEqual([]);
  });

  it('haveOneTarget says whether two shards go to one target', () => {
    expect(haveOneTarget(fingerprint(), fingerprint())).toBe(true);
    expect(haveOneTarget(fingerprint(), changed('target.identity', 'arn 2'))).toBe(false);
  });
});
