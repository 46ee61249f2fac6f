/**
 * Which of two readings of an item key, or of a sharding value, may be written: every standing of the two, with a
 * register of its own.
 */
import { describe, expect, test } from 'vitest';
import { FerryError } from '../../../../src/core/errors.js';
import type { Cursor, MappedItem, Row } from '../../../../src/core/model.js';
import type { WriteOperation } from '../../../../src/core/item/write-operation.js';
import type { ItemWriter } from '../../../../src/core/ports/target-ports.js';
import type { KeyRegister } from '../../../../src/core/ports/key-register.js';
import { KeyClaims } from '../../../../src/engine/claims/key-claims.js';
import { whichStands } from '../../../../src/engine/pass/moved-rows.js';
import { SharedKeyRows } from '../../../../src/engine/claims/shared-key.js';
import type { TableJob } from '../../../../src/engine/pass/table-job.js';
import { openKeyRegister } from '../../../../src/state/shared/key-register.js';
import { temporaryFolder } from '../../../support/temporary.js';
import { compile, rule, table } from '../../mapping/tables.js';
import { jobOf, openPlace, type Place, rowAtHand } from '../rows-at-hand.js';

const INFO = table({ id: 'int', n: 'varchar(2000)', at: 'bigint' });
/** The row's number is no part of the item key. */
const mapping = compile(INFO, rule('K', '{n}', { attributes: { columns: ['id', 'n'] } }));
const signal = new AbortController().signal;
const OWNER = { shard: 's01', table: 'messages' };
const KEY = '{"pk":{"S":"K"},"sk":{"S":"k"}}';

const row = (id: number, n = 'k'): Row => rowAtHand(mapping, id, n);
const at = (id: number | ''): Cursor => String(id) as Cursor;

function itemsOf(...rows: readonly Row[]): readonly MappedItem[] {
  const items: MappedItem[] = [];
  for (const each of rows) mapping.map(each, items, { now: 0 });
  return items;
}

interface Claims extends AsyncDisposable {
  readonly place: Place;
  readonly register: KeyRegister;
  of(job: TableJob, kind?: 'itemKeys' | 'shardValues' | 'none'): KeyClaims;
}

async function open(): Promise<Claims> {
  const folder = await temporaryFolder();
  const register = openKeyRegister({ folder: folder.path });
  const place = await openPlace();
  return {
    place,
    register,
    of(job, kind = 'itemKeys') {
      const registers = { itemKeys: null, shardValues: null, [kind]: register };
      return new KeyClaims(place.context, job, { ...registers, now: () => 0 });
    },
    async [Symbol.asyncDispose]() {
      register.close();
      await place[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const holderOf = async ({ register }: Claims, itemKey = KEY): Promise<Cursor | undefined> =>
  (await register.claim({ shard: 'asks', table: 'asks' }, [{ claim: itemKey, cursor: at(0) }]))[0]?.cursor;
const recorded = ({ place }: Claims): readonly (readonly string[])[] =>
  place.store.badRows.list('messages').map(({ cursor, key }) => [cursor, key]);

/** The row was read at 1 before, and comes at 2 now; what the source has by then. */
const STANDINGS: readonly (readonly [string, readonly Row[], 'both' | 'first' | 'second' | 'neither'])[] = [
  ['two rows', [row(1), row(2)], 'both'],
  ['moved from 1 to 2', [row(2)], 'second'],
  ['moved on from 2 to 1', [row(1)], 'first'],
  ['deleted meanwhile', [], 'neither'],
  ['another row at 1', [row(1, 'other'), row(2)], 'second'],
  ['another row at 2', [row(1), row(2, 'other')], 'first'],
  ['other rows at both', [row(1, 'other'), row(2, 'other')], 'neither'],
];

describe('two readings of one item key', () => {
  test.each(STANDINGS)(
    'KeyClaims.claim decides which of two readings of one item key stands: %s',
    async (_, rows, standing) => {
      await using claims = await open();
      const job = jobOf(mapping, rows);
      expect(await whichStands(job, new Set([KEY]), [at(1), at(2)], 0, signal)).toBe(standing);
      const keys = claims.of(job);
      const [first, second] = [itemsOf(row(1)), itemsOf(row(2), row(3, 'third'))];
      expect(await keys.claim(first, signal)).toEqual(first);
      const run = keys.claim(second, signal);
      if (standing === 'both') {
        await expect(run).rejects.toMatchObject({ code: 'E_ITEM_KEY_SHARED' });
        expect(recorded(claims)).toEqual([
          ['1', 'id=1'],
          ['2', 'id=2'],
        ]);
        return;
      }
      expect(await run).toEqual(standing === 'second' ? second : second.slice(1));
      expect([await holderOf(claims), recorded(claims)]).toEqual([standing === 'second' ? at(2) : at(1), []]);
    },
  );

  test('whichStands places a row that is found under both readings of its key where the row itself says', async () => {
    for (const [says, standing] of [
      [1, 'first'],
      [2, 'second'],
    ] as const) {
      const job = jobOf(mapping);
      job.source.at = (cursors) => Promise.resolve(cursors.map(() => row(says)));
      expect(await whichStands(job, new Set([KEY]), [at(1), at(2)], 0, signal)).toBe(standing);
    }
  });

  test('KeyClaims.claim leaves out the overtaken one of two readings of one key in one chunk', async () => {
    await using claims = await open();
    const items = itemsOf(row(1), row(2), row(3, 'third'));
    expect(await claims.of(jobOf(mapping, [row(2)])).claim(items, signal)).toEqual(items.slice(1));
    expect(await holderOf(claims)).toBe(at(2));
  });

  test('KeyClaims.claim lets the claim of another shard, of another table, or of one read whole stand without a look', async () => {
    const others = [
      {
        owner: { ...OWNER, shard: 's02' },
        cursor: at(1),
        named: [['2', 'id=2']],
        says: /one here and one on shard s02/,
      },
      {
        owner: { ...OWNER, table: 'other' },
        cursor: at(1),
        named: [['2', 'id=2']],
        says: /^shard s01: two rows of table/,
      },
      { owner: OWNER, cursor: at(''), named: [['2', 'id=2']], says: /^shard s01: two rows of table messages map/ },
    ];
    for (const { owner, cursor, named, says } of others) {
      await using claims = await open();
      await claims.register.claim(owner, [{ claim: KEY, cursor }]);
      const run = claims.of(jobOf(mapping, [row(2)])).claim(itemsOf(row(2)), signal);
      await expect(run).rejects.toMatchObject({ code: 'E_ITEM_KEY_SHARED', message: says });
      expect(recorded(claims)).toEqual(named);
      const beside = claims.place.store.badRows.list('other').map(({ cursor: of, key }) => [of, key]);
      expect(beside).toEqual(owner.table === 'other' ? [['1', '1']] : []);
    }
  });

  test('KeyClaims.claim looks at a claim that has passed on where it is now', async () => {
    await using claims = await open();
    const moves = [at(1), at(5)];
    const job = jobOf(mapping, [row(2)]);
    await claims.register.claim(OWNER, [{ claim: KEY, cursor: at(1) }]);
    const { source } = job;
    const look = source.at.bind(source);
    const looked: (readonly Cursor[])[] = [];
    source.at = async (cursors, abort) => {
      looked.push(cursors);
      const [from, to] = moves;
      if (looked.length === 1 && from !== undefined && to !== undefined)
        await claims.register.transfer(OWNER, { claim: KEY, from, to });
      return await look(cursors, abort);
    };
    const items = itemsOf(row(2));
    expect(await claims.of(job).claim(items, signal)).toEqual(items);
    expect(looked).toEqual([
      [at(1), at(2)],
      [at(5), at(2)],
    ]);
    expect(await holderOf(claims)).toBe(at(2));
  });

  test('KeyClaims.claim takes two rows of one item key as two in a table that is read whole', async () => {
    await using claims = await open();
    const run = claims.of(jobOf(mapping, [], null), 'none').claim(itemsOf(row(1), row(2)), signal);
    await expect(run).rejects.toMatchObject({ code: 'E_ITEM_KEY_SHARED' });
    expect(recorded(claims).length).toBe(2);
  });
});

describe('two readings of one item key in the writer’s queue', () => {
  const READ_AT = { wall: 0, monotonic: 0 };

  /** The first write meets two rows. */
  function meeting(first: Row, second: Row): { writer: ItemWriter; written: (readonly WriteOperation[])[] } {
    const written: (readonly WriteOperation[])[] = [];
    const cause = new SharedKeyRows(first, second);
    const writer: ItemWriter = {
      waitForRoom: () => Promise.resolve(),
      close: () => Promise.resolve(),
      write(items) {
        written.push(items);
        if (written.length === 1) return Promise.reject(new FerryError('E_ITEM_KEY_SHARED', 'm', 'h', { cause }));
        return Promise.resolve({ items: items.length, newer: 0, superseded: 0, units: 1 });
      },
    };
    return { writer, written };
  }

  test.each(STANDINGS)(
    'KeyClaims.write decides which of two readings of one item key stands in the queue: %s',
    async (_, rows, standing) => {
      await using claims = await open();
      const items = itemsOf(row(1), row(2), row(3, 'third'));
      const { writer, written } = meeting(row(1), row(2));
      const keys = claims.of(jobOf(mapping, rows), 'none');
      const run = keys.write(writer, items, READ_AT, () => undefined, signal);
      if (standing === 'both') {
        await expect(run).rejects.toMatchObject({
          code: 'E_ITEM_KEY_SHARED',
          message: /two rows of table messages map/,
        });
        expect(recorded(claims).length).toBe(2);
        return;
      }
      const left = items.filter(({ row: of }) => {
        const id = of[mapping.columns.indexOf('id')];
        return id === '3' || id === { first: '1', second: '2', neither: '' }[standing];
      });
      expect(await run).toEqual({ items: left, receipt: { items: left.length, newer: 0, superseded: 0, units: 1 } });
      expect(written).toEqual([items, left]);
      expect(recorded(claims)).toEqual([]);
    },
  );

  test('KeyClaims.write throws any other fault on', async () => {
    await using claims = await open();
    const keys = claims.of(jobOf(mapping), 'none');
    const { writer } = meeting(row(1), row(2));
    for (const fault of [new Error('reset'), new FerryError('E_ITEM_KEY_SHARED', 'whose rows are not known', 'h')]) {
      writer.write = () => Promise.reject(fault);
      await expect(keys.write(writer, itemsOf(row(1)), READ_AT, () => undefined, signal)).rejects.toBe(fault);
    }
  });
});

describe('values of the sharding column', () => {
  const shardColumn = { name: 'n', index: mapping.columns.indexOf('n') };

  test('KeyClaims claims values of the sharding column for the shard where a column is declared, and only there', async () => {
    await using claims = await open();
    const items = itemsOf(row(1), row(2, 'm'));
    await claims.of(jobOf(mapping), 'shardValues').claim(items, signal);
    const elsewhere = { ...claims.place.context, shard: 's02' };
    const parts = { itemKeys: null, shardValues: claims.register, now: () => 0 };
    const job = { ...jobOf(mapping), shardColumn };
    expect(await new KeyClaims(elsewhere, job, parts).claim(items, signal)).toEqual(items);
    expect(await claims.of(job, 'none').claim(items, signal)).toEqual(items);
  });

  test('KeyClaims stops the run at a sharding value that another shard holds, and records a row of it', async () => {
    await using claims = await open();
    const job = { ...jobOf(mapping), shardColumn };
    const elsewhere = { ...claims.place.context, shard: 's02' };
    const parts = { itemKeys: null, shardValues: claims.register, now: () => 0 };
    await new KeyClaims(elsewhere, job, parts).claim(itemsOf(row(1, 'm')), signal);
    const run = claims.of(job, 'shardValues').claim(itemsOf(row(2), row(3, 'm'), row(4, 'm')), signal);
    await expect(run).rejects.toMatchObject({ code: 'E_SHARD_OVERLAP', message: /shard s02 has .* too/ });
    expect(recorded(claims)).toEqual([['3', 'id=3']]);
    const items = itemsOf(row(2));
    expect(await claims.of(job, 'shardValues').claim(items, signal)).toEqual(items);
  });
});
