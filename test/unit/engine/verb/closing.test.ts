/** What a verb has opened is closed, whichever part of it fails at that. */
import { describe, expect, test } from 'vitest';
import { EXIT, FerryError } from '../../../../src/core/errors.js';
import { NO_TARGET } from '../../../../src/core/ports/target-ports.js';
import { BACKFILL } from '../../../../src/engine/backfill.js';
import { RETRY_BAD } from '../../../../src/engine/retry-bad.js';
import type { ShardRun, TargetSide } from '../../../../src/engine/verb/shard-run.js';
import { runVerb, type Verb } from '../../../../src/engine/verb/verb.js';
import { VERIFY } from '../../../../src/engine/verify.js';
import { jobOf, mappingOf, openPlace, type Place } from '../rows-at-hand.js';

const JOB = jobOf(mappingOf());

type Part = 'reader.close' | 'registers.close' | 'openReader' | 'lateWrites';

/** A run whose target and registers say what was closed. @param failing the part that throws */
function runOf<Options>(place: Place, options: Options, failing: Part) {
  const closed: string[] = [];
  const fail = (part: Part): void => {
    if (part === failing) throw new FerryError('E_STATE_IO', `${part} failed`, '');
  };
  const close = (name: string, part?: Part): void => {
    closed.push(name);
    if (part !== undefined) fail(part);
  };
  const side: Partial<TargetSide> = {
    table: 'things',
    guard: NO_TARGET,
    openReader() {
      fail('openReader');
      // eslint-disable-next-line @typescript-eslint/require-await -- it rejects, as a port does
      return { read: () => Promise.reject(new Error()), close: async () => close('reader', 'reader.close') };
    },
    close: () => close('target'),
  };
  const store = {
    ...place.store,
    lateWrites: {
      crashedAt() {
        fail('lateWrites');
        return null;
      },
    },
  } as unknown as ShardRun['store'];
  const run: Partial<ShardRun<Options>> = {
    ...place.context,
    ...{ store, options, dryRun: false, acceptServer: false, tables: [JOB], maxAgeMs: 1, reached: new Set<string>() },
    openTarget: () => Promise.resolve(side as TargetSide),
    openRegisters: () =>
      Promise.resolve({ itemKeys: null, shardValues: null, close: () => close('registers', 'registers.close') }),
  };
  return { run: run as ShardRun<Options>, closed };
}

describe('the end of a verb', () => {
  test('a verification closes the target though the reader fails to close', async () => {
    await using place = await openPlace();
    const { run, closed } = runOf(place, { takenOver: {} }, 'reader.close');
    const opened = await VERIFY.open(run, [JOB]);
    await expect(opened.close()).rejects.toThrow('reader.close failed');
    expect(closed).toEqual(['reader', 'target']);
  });

  test.each([
    ['backfill', BACKFILL],
    ['retry of bad rows', RETRY_BAD],
  ])('a %s closes the target though the register of item keys fails to close', async (_, verb) => {
    await using place = await openPlace();
    const { run, closed } = runOf(place, { maxBadRows: 0 }, 'registers.close');
    const opened = await verb.open(run, [JOB]);
    await expect(opened.close()).rejects.toThrow('registers.close failed');
    expect(closed).toEqual(['registers', 'target']);
  });
});

describe('a failed start of a verification', () => {
  test.each([
    ['no reader can be opened', 'openReader'],
    ['the state cannot be read', 'lateWrites'],
  ] as const)('a verification closes the target where %s', async (_, part) => {
    await using place = await openPlace();
    const { run, closed } = runOf(place, { takenOver: {} }, part);
    await expect(VERIFY.open(run, [JOB])).rejects.toThrow(`${part} failed`);
    expect(closed).toEqual(['target']);
  });
});

describe('runVerb', () => {
  const driven = (calls: string[], failing: ReadonlySet<string>): Verb<unknown, object> => {
    const call = (name: string): Promise<void> => {
      calls.push(name);
      return failing.has(name) ? Promise.reject(new Error(`${name} failed`)) : Promise.resolve();
    };
    const conclude = () => {
      calls.push('conclude');
      return { status: 'done', exitCode: EXIT.done, fault: null } as const;
    };
    const open = () => Promise.resolve({ work: () => call('work'), close: () => call('close'), conclude });
    return { plan: () => [JOB], open } as Partial<Verb<unknown, object>> as Verb<unknown, object>;
  };
  const drive = async (calls: string[], ...failing: readonly string[]): Promise<object> =>
    await runVerb(driven(calls, new Set(failing)), {} as ShardRun);

  test('runVerb closes what was opened before it asks for the verdict', async () => {
    const calls: string[] = [];
    await drive(calls);
    expect(calls).toEqual(['work', 'close', 'conclude']);
  });

  test('runVerb reports why the work ended, and not that closing failed as well', async () => {
    const calls: string[] = [];
    await expect(drive(calls, 'work', 'close')).rejects.toThrow('work failed');
    expect(calls).toEqual(['work', 'close']);
  });

  test('runVerb reports that closing failed, and gives no verdict then', async () => {
    const calls: string[] = [];
    await expect(drive(calls, 'close')).rejects.toThrow('close failed');
    expect(calls).toEqual(['work', 'close']);
  });
});
