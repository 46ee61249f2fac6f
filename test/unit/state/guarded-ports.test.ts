/** Each method of the state's ports is declared with what it does to the file, and does no more than that. */
import type { Database } from 'better-sqlite3';
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { FerryError } from '../../../src/core/errors.js';
import type { StateStore } from '../../../src/core/ports/state-ports.js';
import type { Pass } from '../../../src/core/ports/state-records.js';
import { EFFECTS, guardedPorts, type Concepts, type Effect } from '../../../src/state/guarded-ports.js';
import { openStateStore } from '../../../src/state/open.js';
import {
  cursor,
  sampleBadRow,
  sampleChunk,
  sampleHeartbeat,
  samplePlan,
  sampleRanges,
} from '../../contract/state-store-samples.js';
import { temporaryFolder } from '../../support/temporary.js';

const PORTS = new URL('../../../src/core/ports/state-ports.ts', import.meta.url);

/** The members of each interface of the file. */
function interfaces(): ReadonlyMap<string, ts.InterfaceDeclaration> {
  const source = ts.createSourceFile('ports.ts', readFileSync(PORTS, 'utf8'), ts.ScriptTarget.Latest, true);
  return new Map(source.statements.filter(ts.isInterfaceDeclaration).map((each) => [each.name.text, each]));
}

const namesOf = (port: ts.InterfaceDeclaration | undefined): readonly string[] =>
  (port?.members ?? []).flatMap(({ name }) => name?.getText() ?? []).sort();

test('EFFECTS declares each member of each port, and nothing else', () => {
  const declared = interfaces();
  const ports = (declared.get('StateStore')?.members ?? []).flatMap((member) => {
    const type = ts.isPropertySignature(member) ? (member.type?.getText() ?? '') : '';
    return declared.has(type) ? [[member.name?.getText() ?? '', namesOf(declared.get(type))] as const] : [];
  });
  expect(ports.length).toBeGreaterThan(10);
  expect(Object.fromEntries(ports)).toEqual(
    Object.fromEntries(Object.entries(EFFECTS).map(([port, effects]) => [port, Object.keys(effects).sort()])),
  );
});

test('guardedPorts does not give access to a method that is not declared', () => {
  const concepts = { ...EFFECTS, plans: { get: () => null, undeclared: () => 'reached' } } as unknown as Concepts;
  const ports = guardedPorts(concepts, (_, call) => call());
  expect(ports.plans.get('messages')).toBeNull();
  expect('undeclared' in ports.plans).toBe(false);
});

type Calls = {
  readonly [Port in keyof Concepts]: { readonly [Member in keyof Concepts[Port]]: (port: Concepts[Port]) => unknown };
};

/** One call of each, in an order that works. */
function callsOf(pass: () => Pass): Calls {
  const record = { rows: 1, items: 1, expiredRows: 0, goneRows: 0, newerItems: 0, units: 1, digest: '0'.repeat(32) };
  return {
    binding: {
      bind: (port) => port.bind({ one: 1 }),
      rebind: (port) =>
        port.rebind(
          { one: 2 },
          () => ({}),
          () => [{ table: 't', column: null }],
        ),
      acceptedChanges: (port) => port.acceptedChanges(),
      formerSettings: (port) => port.formerSettings(),
      server: (port) => port.server(),
      setServer: (port) => port.setServer('uuid'),
    },
    plans: {
      get: (port) => port.get('messages'),
      save: (port) => port.save(samplePlan({ table: 'another' })),
      identity: (port) => port.identity('messages'),
      setIdentity: (port) => port.setIdentity('messages', 'first', true),
    },
    clock: {
      now: (port) => port.now(),
      latest: (port) => port.latest(),
      age: (port) => port.age({ at: 1, steady: 1 }),
    },
    passes: {
      open: (port) => port.open('verify', 'messages'),
      abandoned: (port) => port.abandoned('messages', 1),
      standing: (port) => port.standing('messages'),
      progress: (port) => port.progress(pass()),
      noteTtl: (port) => port.noteTtl(pass(), 'ttl'),
      summary: (port) => port.summary('backfill', 'messages'),
      finish: (port) => port.finish(pass()),
    },
    checkpoints: {
      commit: (port) => port.commit(pass(), [sampleChunk()], []),
      differences: (port) => port.differences(pass(), 1),
      completeSegment: (port) => sampleRanges().forEach(({ index }) => port.completeSegment(pass(), index)),
    },
    badRows: {
      record: (port) => port.record([sampleBadRow()]),
      list: (port) => port.list('messages'),
      count: (port) => port.count('messages'),
      at: (port) => port.at('messages', [cursor('a')]),
      forget: (port) => port.forget('messages', [sampleBadRow().cursor]),
    },
    retries: { settle: (port) => port.settle('messages', [sampleBadRow().cursor], [], record) },
    ambiguousWrites: {
      add: (port) => port.add([{ itemKey: 'key', since: 1 }]),
      all: (port) => port.all(),
      close: (port) => port.close(['key']),
    },
    lateWrites: {
      waitsAgain: (port) => port.waitsAgain,
      begin: (port) => port.begin(),
      end: (port) => port.end(),
      crashedAt: (port) => port.crashedAt(),
    },
    heartbeat: { beat: (port) => port.beat(sampleHeartbeat()) },
    incidents: {
      add: (port) => port.add([{ kind: 'throttled', count: 1, firstAt: 1, lastAt: 2 }]),
      all: (port) => port.all(),
    },
  };
}

const ORDER: readonly (keyof Concepts)[] = [
  ...(['binding', 'plans', 'clock', 'checkpoints', 'badRows', 'retries'] as const),
  ...(['ambiguousWrites', 'lateWrites', 'heartbeat', 'incidents', 'passes'] as const),
];

async function opened() {
  const folder = await temporaryFolder();
  const store = openStateStore({ folder: folder.path, shard: 's01', create: true }) as StateStore & {
    readonly database: Database;
  };
  store.plans.save(samplePlan());
  const pass = store.passes.open('backfill', 'messages');
  const calls = callsOf(() => pass);
  const each: readonly (readonly [name: string, effect: Effect, call: () => unknown])[] = ORDER.flatMap((port) =>
    Object.entries(calls[port]).map(([member, call]) => [
      `${port}.${member}`,
      (EFFECTS[port] as Readonly<Record<string, Effect>>)[member] ?? 'reads',
      () => (call as (of: unknown) => unknown)(store[port]),
    ]),
  );
  return { store, each, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** Commits that were counted, and rows that were changed, that count included. */
function written(database: Database): { readonly commits: number; readonly changes: number } {
  const read = (sql: string): number => Number(database.prepare(sql).pluck().get());
  return { commits: read('SELECT commits FROM meta'), changes: read('SELECT total_changes()') };
}

test('guardedPorts counts one commit for each method that writes, and none for all others', async () => {
  await using state = await opened();
  const { database } = state.store;
  for (const [name, effect, call] of state.each) {
    const before = written(database);
    call();
    const after = written(database);
    const counted = after.commits - before.commits;
    // Besides the count itself.
    const changed = after.changes - before.changes > counted;
    const segments = name === 'checkpoints.completeSegment' ? sampleRanges().length : 1;
    const writes = effect === 'writes' || effect === 'writes uncounted';
    expect({ name, counted, changed }).toEqual({ name, counted: effect === 'writes' ? segments : 0, changed: writes });
  }
  state.store.close();
});

test('methods that read work on a file that nobody can write to, and methods that write do not', async () => {
  await using state = await opened();
  const { database } = state.store;
  for (const [name, effect, call] of state.each) {
    database.pragma('query_only = ON');
    if (effect === 'reads' || effect === 'value') call();
    else expect(call, name).toThrow(FerryError);
    database.pragma('query_only = OFF');
  }
  state.store.close();
});

test('each method of a closed store throws a defect', async () => {
  await using state = await opened();
  state.store.close();
  for (const [name, effect, call] of state.each) {
    if (effect !== 'value') expect(call, name).toThrow(expect.objectContaining({ code: 'E_INTERNAL' }) as Error);
  }
});
