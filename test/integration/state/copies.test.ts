/**
 * A state is worked on where it was worked on last, and nowhere else, until somebody says that the other one has ended.
 */
import {
  chmodSync,
  cpSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LATE_WRITE_WINDOW_MS } from '../../../src/core/time/late-writes.js';
import type { KeyRegister } from '../../../src/core/ports/key-register.js';
import type { StateStore } from '../../../src/core/ports/state-ports.js';
import { adoptState } from '../../../src/state/home/adopt.js';
import { openKeyRegister } from '../../../src/state/shared/key-register.js';
import { openStateStore } from '../../../src/state/open.js';
import { readCopied } from '../../../src/state/status/read-home.js';
import { readShardStatus } from '../../../src/state/status/read-status.js';
import { archiveState, discardState } from '../../../src/state/restart.js';
import { cursor, sampleChunk, samplePlan } from '../../contract/state-store-samples.js';
import { atOnce } from '../../support/at-once.js';
import { MovedClocks } from '../../support/moved-clocks.js';
import { temporaryFolder } from '../../support/temporary.js';
import { allLines, startScript } from './child-script.js';

const REFUSED = expect.objectContaining({ name: 'FerryError', code: 'E_STATE_COPIED' }) as unknown;

/** A shard that was worked on twice, and whose first day is kept as `backup`. */
async function place() {
  const temporary = await temporaryFolder();
  const [folder, backup] = [join(temporary.path, 'state'), join(temporary.path, 'backup')];
  mkdirSync(folder, { mode: 0o700 });
  const at = { folder, shard: 's01' };
  const work = (last: string): void => {
    const store = openStateStore({ ...at, create: true });
    if (store.plans.get('messages') === null) store.plans.save(samplePlan());
    const pass = store.passes.open('backfill', 'messages');
    store.checkpoints.commit(pass, [sampleChunk({ last: cursor(last) })], []);
    const comparedAt = { at: Date.now(), steady: store.clock.now() };
    store.checkpoints.commit(
      store.passes.open('verify', 'messages', { maxAgeMs: 60_000 }),
      [sampleChunk({ comparedAt })],
      [],
    );
    expect(store.passes.summary('verify', 'messages')?.newest).toEqual(comparedAt);
    store.close();
  };
  work('a');
  cpSync(folder, backup, { recursive: true, preserveTimestamps: true });
  work('b');
  const file = (name: string): string => join(folder, name);
  return { at, folder, backup, file, work, [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose]() };
}

type Place = Awaited<ReturnType<typeof place>>;

const killed = async (one: Place): Promise<void> => {
  await using child = startScript('commit-chunks', [one.folder, 's02', '3']);
  await allLines(child);
};

interface Displacement {
  readonly how: string;
  readonly reason: string;
  /** @returns the state that is not at home then */
  readonly displace: (one: Place) => Promise<{ readonly folder: string; readonly shard: string }>;
}

const DISPLACED: readonly Displacement[] = [
  {
    how: 'the folder was copied, and the copy is gone on with',
    reason: 'copied',
    displace: async ({ folder, at }) => {
      cpSync(folder, `${folder}-2`, { recursive: true, preserveTimestamps: true });
      await Promise.resolve();
      return { ...at, folder: `${folder}-2` };
    },
  },
  {
    how: 'the folder was removed, and restored from a backup',
    reason: 'copied',
    displace: async ({ folder, backup, at }) => {
      rmSync(folder, { recursive: true });
      cpSync(backup, folder, { recursive: true, preserveTimestamps: true });
      await Promise.resolve();
      return at;
    },
  },
  {
    how: 'a backup was restored over what was there, into the same files',
    reason: 'touched',
    displace: async ({ backup, file, at }) => {
      for (const name of readdirSync(backup)) copyFileSync(join(backup, name), file(name));
      await Promise.resolve();
      return at;
    },
  },
  {
    how: 'an older state file was written over the present one',
    reason: 'older',
    displace: async ({ backup, file, at }) => {
      copyFileSync(join(backup, 's01.db'), file('s01.db'));
      await Promise.resolve();
      return at;
    },
  },
  {
    how: 'a state file of the same session, before its last commits',
    reason: 'older',
    displace: async ({ at, file }) => {
      const store = openStateStore({ ...at, create: true });
      store.ambiguousWrites.add([{ itemKey: 'k', since: 1 }]);
      copyFileSync(file('s01.db'), file('kept'));
      store.close();
      copyFileSync(file('kept'), file('s01.db'));
      await Promise.resolve();
      return at;
    },
  },
  {
    how: 'the log was removed after a kill',
    reason: 'older',
    displace: async (one) => {
      await killed(one);
      for (const side of ['-wal', '-shm']) rmSync(one.file(`s02.db${side}`));
      return { ...one.at, shard: 's02' };
    },
  },
  {
    how: 'the state of a shard that was begun again was put back',
    reason: 'copied',
    displace: async ({ at, file, work }) => {
      renameSync(archiveState(at) ?? '', file('kept'));
      work('c');
      // Over the present one: the file stays the same.
      copyFileSync(file('kept'), file('s01.db'));
      await Promise.resolve();
      return at;
    },
  },
  {
    how: 'the witness is missing',
    reason: 'unwitnessed',
    displace: async ({ at, file }) => {
      rmSync(file('s01.seen'));
      await Promise.resolve();
      return at;
    },
  },
  {
    how: 'the witness is damaged',
    reason: 'unwitnessed',
    displace: async ({ at, file }) => {
      writeFileSync(file('s01.seen'), 'x');
      await Promise.resolve();
      return at;
    },
  },
];

test.each(DISPLACED)(
  'a state is refused until it is adopted, also by --restart, and then waits for late writes, where $how',
  async ({ reason, displace }) => {
    await using one = await place();
    const at = await displace(one);
    expect(readCopied(at, false)).toMatchObject({ code: 'E_STATE_COPIED' });
    expect(readShardStatus(at)).toMatchObject({ fault: null, copied: { code: 'E_STATE_COPIED' } });
    expect(() => openStateStore({ ...at, create: true })).toThrow(REFUSED);
    expect(() => archiveState(at)).toThrow(REFUSED);
    expect(existsSync(join(at.folder, `${at.shard}.db`))).toBe(true);
    // A volume that moves excuses no copy; that something was touched is a part of moving.
    if (reason !== 'touched') expect(() => openStateStore({ ...at, create: true, moves: true })).toThrow(REFUSED);

    expect(adoptState(at)).toEqual({ shard: at.shard, reason, lateWritesForMs: LATE_WRITE_WINDOW_MS });
    expect(readCopied(at, false)).toBeNull();
    expect(adoptState(at)).toMatchObject({ reason: null, lateWritesForMs: null });
    expect(readShardStatus(at)?.lateWritesForMs).toBeGreaterThan(LATE_WRITE_WINDOW_MS - 10_000);
    const store = openStateStore({ ...at, create: false });
    expect(Math.abs((store.lateWrites.crashedAt() ?? 0) - store.clock.now())).toBeLessThan(10_000);
    // How long ago that was compared, nobody knows any more.
    expect(store.passes.summary('verify', 'messages')?.newest?.steady ?? null).toBeNull();
    store.close();
    expect(archiveState(at)).not.toBeNull();
  },
);

describe('a state at its place', () => {
  test.each<[string, (one: Place) => unknown]>([
    ['nothing happened', () => undefined],
    [
      'it was copied, and the copy was only looked at',
      ({ folder }) => {
        cpSync(folder, `${folder}-2`, { recursive: true, preserveTimestamps: true });
        readShardStatus({ folder: `${folder}-2`, shard: 's01' });
      },
    ],
    ['`status` looked at it', ({ at }) => readShardStatus(at)],
    [
      'its folder was renamed, and back again',
      ({ folder }) => {
        renameSync(folder, `${folder}-2`);
        renameSync(`${folder}-2`, folder);
      },
    ],
    ['its lock file was deleted, as advised', ({ file }) => rmSync(file('s01.lock'))],
    ['the mode of the state file was changed', ({ file }) => chmodSync(file('s01.db'), 0o644)],
    [
      'its witness lost the last commits, as after a power failure',
      ({ backup, file }) => copyFileSync(join(backup, 's01.seen'), file('s01.seen')),
    ],
  ])('a state is not taken for a copy where %s', async (_how, happen) => {
    await using one = await place();
    happen(one);
    expect(readCopied(one.at, false)).toBeNull();
    one.work('c');
    expect(adoptState(one.at)).toMatchObject({ reason: null });
  });

  test('a state is not taken for a copy where a new lock file gets the inode of a deleted one, as on ext4', async () => {
    await using folder = await temporaryFolder();
    for (let i = 0; i < 5; i++) {
      openStateStore({ folder: folder.path, shard: 's01', create: true }).close();
      rmSync(join(folder.path, 's01.lock'));
    }
  });

  test('a state is not taken for a copy where a process was killed, with its log or without', async () => {
    await using one = await place();
    await killed(one);
    openStateStore({ ...one.at, shard: 's02', create: false }).close();
    await killed(one);
    await discardState({ ...one.at, shard: 's01' }, atOnce);
    expect(existsSync(one.file('s01.seen'))).toBe(false);
  });
});

test('a shard whose state file was removed by hand waits for writes that the file may have known of', async () => {
  await using one = await place();
  rmSync(one.file('s01.db'));
  const store = openStateStore({ ...one.at, create: true });
  expect(Math.abs((store.lateWrites.crashedAt() ?? 0) - store.clock.now())).toBeLessThan(10_000);
  store.close();
  expect(adoptState(one.at)).toMatchObject({ reason: null });
});

describe('the register of item keys', () => {
  async function register() {
    const temporary = await temporaryFolder();
    const folder = temporary.path;
    const file = (name: string): string => join(folder, `item-keys.${name}`);
    const open = (): KeyRegister => openKeyRegister({ folder });
    const claim = async (itemKey: string): Promise<unknown> => {
      const opened = open();
      try {
        return await opened.claim({ shard: 's01', table: 'messages' }, [{ claim: itemKey, cursor: cursor('row') }]);
      } finally {
        opened.close();
      }
    };
    await claim('a');
    return { file, open, claim, [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose]() };
  }

  test('a key register that is older than the last claim is refused, since two rows could share a key', async () => {
    await using one = await register();
    copyFileSync(one.file('db'), one.file('kept'));
    await one.claim('b');
    copyFileSync(one.file('db'), one.file('newer'));
    copyFileSync(one.file('kept'), one.file('db'));
    await expect(one.claim('c')).rejects.toThrow(REFUSED);
    rmSync(one.file('db'));
    await expect(one.claim('c')).rejects.toThrow(REFUSED);
    copyFileSync(one.file('newer'), one.file('db'));
    expect(await one.claim('c')).toEqual([]);
    // As is advised, before its shards begin again.
    for (const name of ['db', 'seen']) rmSync(one.file(name));
    expect(await one.claim('c')).toEqual([]);
  });

  test('a key register that lost its log after a kill is refused, but not one that others use or one without a witness', async () => {
    await using one = await register();
    const [first, second] = [one.open(), one.open()];
    const claims = (claim: string) => [{ claim, cursor: cursor('row') }];
    for (let i = 0; i < 5; i++) {
      await first.claim({ shard: 's01', table: 'messages' }, claims(`first ${i}`));
      await second.claim({ shard: 's02', table: 'messages' }, claims(`second ${i}`));
      await one.claim(`third ${i}`);
    }
    copyFileSync(one.file('db'), one.file('without-log'));
    first.close();
    second.close();
    rmSync(one.file('seen'));
    await one.claim('d');
    copyFileSync(one.file('without-log'), one.file('db'));
    await expect(one.claim('e')).rejects.toThrow(REFUSED);
  });
});

describe('another machine', () => {
  async function moved() {
    const temporary = await temporaryFolder();
    const clocks = new MovedClocks();
    const at = { folder: temporary.path, shard: 's01' };
    const open = (moves: boolean): StateStore => openStateStore({ ...at, create: true, moves }, clocks);
    open(false).close();
    return { at, clocks, open, [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose]() };
  }

  const look = (store: StateStore): { readonly waits: boolean; readonly anew: boolean } => {
    const waits = (store.lateWrites.crashedAt() ?? 0) + LATE_WRITE_WINDOW_MS > store.clock.now();
    store.close();
    return { waits, anew: store.lateWrites.waitsAgain };
  };

  test('a state on another machine is refused, and adopted once', async () => {
    await using one = await moved();
    one.clocks.moveTo('machine 2');
    expect(() => one.open(false)).toThrow(REFUSED);
    expect(adoptState(one.at, one.clocks)).toMatchObject({ reason: 'machine' });
    expect(look(one.open(false))).toEqual({ waits: true, anew: false });
    one.clocks.pass(LATE_WRITE_WINDOW_MS);
    expect(look(one.open(false))).toEqual({ waits: false, anew: false });
    one.clocks.moveTo('machine 1');
    expect(() => one.open(false)).toThrow(REFUSED);
  });

  test('a state on a volume that moves is accepted, and waits a window at each first opening on a machine', async () => {
    await using one = await moved();
    expect(look(one.open(true))).toEqual({ waits: false, anew: false });
    for (const machine of ['machine 2', 'machine 1', null]) {
      one.clocks.moveTo(machine);
      expect(look(one.open(true))).toEqual({ waits: true, anew: true });
      one.clocks.pass(LATE_WRITE_WINDOW_MS - 1);
      expect(look(one.open(true))).toEqual({ waits: true, anew: false });
      one.clocks.pass(1);
      expect(look(one.open(true))).toEqual({ waits: false, anew: false });
    }
  });

  test('a state is not taken for moved between containers of one kernel, nor after a restart of the machine', async () => {
    await using one = await moved();
    one.clocks.machine = 'of another image';
    expect(look(one.open(false))).toEqual({ waits: false, anew: false });
    one.clocks.restart(0);
    expect(look(one.open(false))).toEqual({ waits: false, anew: false });
  });
});
