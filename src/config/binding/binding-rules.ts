/**
 * Applies `setting-changes.ts` to fingerprints: which entries older states may lack, which may grow, and which must be
 * equal on all shards of one migration.
 */
import type { Fingerprint, FingerprintChange } from '../../core/ports/state-records.js';
import { sealedLike } from './seal.js';
import { SETTING_CHANGES } from './setting-changes.js';

type Branch = Readonly<Record<string, unknown>>;

const BOUND = Object.values(SETTING_CHANGES).flatMap((setting) =>
  setting.change === 'restart' || setting.change === 'longer' ? [setting] : [],
);
/** No single setting identifies the table. */
const IDENTITY = 'target.identity';
const ALIKE = [IDENTITY, ...BOUND.filter((setting) => setting.alike).map(({ entry }) => entry)];
const SINCE_LATER = new Set(BOUND.filter((setting) => setting.sinceLater).map(({ entry }) => entry));

/** The names that earlier versions gave to entries of `writer`: old name -> present name. */
const RENAMED_IN_WRITER: Readonly<Record<string, string>> = { tombstonesKeptSeconds: 'tombstoneRetentionSeconds' };

/** Returns a stored fingerprint with the present names of its entries. */
function underPresentNames(stored: Fingerprint): Fingerprint {
  const { writer } = stored;
  if (!isBranch(writer)) return stored;
  const entries = Object.entries(writer).map(([name, value]) => [own(RENAMED_IN_WRITER, name) ?? name, value]);
  return { ...stored, writer: Object.fromEntries(entries) as Branch };
}

/**
 * Returns the stored fingerprint in the form in which it is compared with the given one. It takes over given entries
 * that an older version did not store, and times that are longer now. Settings with variables get the form of the given
 * ones. If both are equal then, the caller stores the given one.
 */
export function takenUp(stored: Fingerprint, given: Fingerprint): Fingerprint {
  const named = underPresentNames(stored);
  let result = sealedLike(named, given) as Branch;
  for (const { change, entry, sinceLater } of BOUND) {
    for (const { path, value } of entriesAt(given, entry)) {
      const before = valueAt(named, path);
      const lacking = sinceLater && before === undefined;
      if (lacking || (change === 'longer' && isLonger(value, before))) result = withValue(result, path, value);
    }
  }
  return result;
}

/** @param before seconds; null: no time was given */
function isLonger(value: unknown, before: unknown): boolean {
  return typeof value === 'number' && (before === null || (typeof before === 'number' && value > before));
}

/**
 * Returns where two shards of one migration are bound to different values that must be equal. An entry that an older
 * state lacks is not a difference.
 *
 * @param moved the fingerprint of a shard with a state
 * @param now the fingerprint that the next shard would be bound to
 */
export function disagreements(moved: Fingerprint, now: Fingerprint): readonly FingerprintChange[] {
  return ALIKE.flatMap((entry) => {
    const paths = new Map(
      [...entriesAt(moved, entry), ...entriesAt(now, entry)].map(({ path }) => [path.join('.'), path]),
    );
    return [...paths].flatMap(([name, path]): readonly FingerprintChange[] => {
      const to = valueAt(now, path);
      const from = sealedLike(valueAt(moved, path), to);
      if (from === undefined && SINCE_LATER.has(entry)) return [];
      // For a whole branch, only whether it is present: its parts have entries of their own.
      const same = isBranch(from) && isBranch(to) ? entry.endsWith('.NAME') || equal(from, to) : equal(from, to);
      return same ? [] : [{ path: name, from: shownPart(from), to: shownPart(to) }];
    });
  });
}

/** Returns whether both go to the same table, as far as it was recorded. */
export function haveOneTarget(one: Fingerprint, other: Fingerprint): boolean {
  const path = IDENTITY.split('.');
  return valueAt(one, path) === valueAt(other, path);
}

/** Returns the identity of the table that a state is bound to, and whether another program wrote to it too. */
export function boundTarget(stored: Fingerprint): { readonly identity: unknown; readonly liveWriter: unknown } {
  return { identity: valueAt(stored, IDENTITY.split('.')), liveWriter: valueAt(stored, ['writer', 'liveWriter']) };
}

/** Returns every entry that the path stands for, with names in place of NAME. */
function entriesAt(
  fingerprint: Fingerprint,
  entryPath: string,
): readonly { readonly path: readonly string[]; readonly value: unknown }[] {
  let found: readonly { readonly path: readonly string[]; readonly value: unknown }[] = [
    { path: [], value: fingerprint },
  ];
  for (const step of entryPath.split('.')) {
    found = found.flatMap(({ path, value }) => {
      const branch = isBranch(value) ? value : {};
      const names = step === 'NAME' ? Object.keys(branch) : [step];
      return names.map((name) => ({ path: [...path, name], value: own(branch, name) }));
    });
  }
  return found;
}

function valueAt(fingerprint: Fingerprint, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, step) => (isBranch(value) ? own(value, step) : undefined), fingerprint);
}

function withValue(branch: Branch, [step = '', ...rest]: readonly string[], value: unknown): Branch {
  const inner = own(branch, step);
  return { ...branch, [step]: rest.length === 0 ? value : withValue(isBranch(inner) ? inner : {}, rest, value) };
}

/** Shows a branch that the other side lacks as present, without its content. */
function shownPart(value: unknown): unknown {
  return isBranch(value) ? '(present)' : value;
}

/** Compares values that come from JSON, in which lists have an order and maps have none. */
function equal(one: unknown, other: unknown): boolean {
  if (isBranch(one) && isBranch(other)) {
    const names = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...names].every((name) => equal(own(one, name), own(other, name)));
  }
  return JSON.stringify(one) === JSON.stringify(other);
}

function own(branch: Branch, name: string): unknown {
  return Object.hasOwn(branch, name) ? branch[name] : undefined;
}

function isBranch(value: unknown): value is Branch {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
