/**
 * Compares the settings that a shard was started with to the current ones, as plain JSON. The order of an object's keys
 * has no meaning, and everything else has. Fingerprints hold config and table definitions, never a row's value, so
 * messages show both sides. For a setting with environment variables, they show only the text of the config
 * (`core/text/sealed.ts`).
 */
import { FerryError } from '../../core/errors.js';
import { isSealed, shownOf } from '../../core/text/sealed.js';
import type { Fingerprint, FingerprintChange } from '../../core/ports/state-records.js';
import { restartCommand } from '../sqlite/files.js';

const SHOWN_CHANGES = 8;
const SHOWN_LENGTH = 60;

/** Returns JSON with the keys of every object in code unit order, and without values that JSON cannot hold. */
export function canonicalJson(value: Fingerprint): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    isRecord(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}

/**
 * Returns every difference between two JSON values. Where a whole branch appeared or vanished, it returns the outermost
 * one.
 */
export function fingerprintChanges(from: unknown, to: unknown, path = ''): FingerprintChange[] {
  if (Array.isArray(from) && Array.isArray(to)) {
    const length = Math.max(from.length, to.length);
    return Array.from({ length }, (_, i) => fingerprintChanges(from[i], to[i], `${path}[${i}]`)).flat();
  }
  if (isRecord(from) && isRecord(to)) {
    const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
    return names.flatMap((name) => fingerprintChanges(own(from, name), own(to, name), step(path, name)));
  }
  return from === to ? [] : [{ path, from, to }];
}

export function changed(shard: string, changes: readonly FingerprintChange[]): FerryError {
  return changedAlike([shard], changes);
}

/** Returns the fault for shards with the same changes. @param shards at least one */
export function changedAlike(shards: readonly string[], changes: readonly FingerprintChange[]): FerryError {
  const one = shards.length === 1;
  return new FerryError(
    'E_STATE_CHANGED',
    `${one ? 'shard' : 'shards'} ${shards.join(', ')} ${one ? 'was' : 'were'} started with other settings or another table definition:${changeLines(changes)}`,
    `restore the former values to resume, or start the ${one ? 'shard' : 'shards'} again with \`${restartCommand(...shards)}\``,
  );
}

/** Returns one line for each of the first changes, each after a line break. */
export function changeLines(changes: readonly FingerprintChange[]): string {
  const lines = changes.slice(0, SHOWN_CHANGES).map(({ path, from, to }) => `\n  ${path}: ${sideBySide(from, to)}`);
  const more = changes.length - lines.length;
  return `${lines.join('')}${more > 0 ? `\n  and ${more} more` : ''}`;
}

function sideBySide(from: unknown, to: unknown): string {
  // Cuts by code points, so that no cut falls inside an emoji.
  const [a, b] = [Array.from(shown(shownOf(from))), Array.from(shown(shownOf(to)))];
  if (isSealed(from) && isSealed(to) && a.join('') === b.join('')) {
    return `${shortened(a, 0)}, whose variables had another value`;
  }
  const same = commonPrefix(a, b);
  return `${shortened(a, same)} → ${shortened(b, same)}`;
}

/**
 * Returns the value as text. It quotes text only where a reader could mistake it: for a JSON value, for no value, or
 * for a second line.
 */
function shown(value: unknown): string {
  if (value === undefined) return '(absent)';
  const bare = typeof value === 'string' && value !== '' && value === value.trim() && !/\p{Cc}/u.test(value);
  return bare && !isJson(value) ? value : JSON.stringify(value);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Cuts a long value so that the first differing character is visible. */
function shortened(text: readonly string[], same: number): string {
  if (text.length <= SHOWN_LENGTH) return text.join('');
  const start = Math.max(0, Math.min(same - 20, text.length - SHOWN_LENGTH));
  const end = start + SHOWN_LENGTH;
  return `${start > 0 ? '…' : ''}${text.slice(start, end).join('')}${end < text.length ? '…' : ''}`;
}

function commonPrefix(a: readonly string[], b: readonly string[]): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

function step(path: string, name: string): string {
  if (!/^[\p{L}\p{N}_$-]+$/u.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}

function own(record: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
