/**
 * Compares what a shard was started with to what it would go on with, as plain JSON: the order of an object's keys
 * means nothing, everything else does. Fingerprints hold config and table definitions, never a row's value, so both are
 * shown; of what takes environment variables, the text of the config alone (`core/text/sealed.ts`).
 */
import { FerryError } from '../../core/errors.js';
import { isSealed, shownOf } from '../../core/text/sealed.js';
import type { Fingerprint, FingerprintChange } from '../../core/ports/state-records.js';
import { restartCommand } from '../sqlite/files.js';

const SHOWN_CHANGES = 8;
const SHOWN_LENGTH = 60;

/** JSON with the keys of every object in code unit order, and without what JSON cannot hold. */
export function canonicalJson(value: Fingerprint): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    isRecord(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}

/** Every difference between two values that came from JSON, the outermost one where a whole branch came or went. */
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

/** @param shards those on which the same changed; at least one */
export function changedAlike(shards: readonly string[], changes: readonly FingerprintChange[]): FerryError {
  const one = shards.length === 1;
  return new FerryError(
    'E_STATE_CHANGED',
    `${one ? 'shard' : 'shards'} ${shards.join(', ')} ${one ? 'was' : 'were'} started with other settings or another table definition:${changeLines(changes)}`,
    `restore the former values to resume, or start the ${one ? 'shard' : 'shards'} again with \`${restartCommand(...shards)}\``,
  );
}

/** A line each, the first ones of many, each behind a line break. */
export function changeLines(changes: readonly FingerprintChange[]): string {
  const lines = changes.slice(0, SHOWN_CHANGES).map(({ path, from, to }) => `\n  ${path}: ${sideBySide(from, to)}`);
  const more = changes.length - lines.length;
  return `${lines.join('')}${more > 0 ? `\n  and ${more} more` : ''}`;
}

function sideBySide(from: unknown, to: unknown): string {
  // By code points, so that no cut falls inside an emoji.
  const [a, b] = [Array.from(shown(shownOf(from))), Array.from(shown(shownOf(to)))];
  if (isSealed(from) && isSealed(to) && a.join('') === b.join('')) {
    return `${shortened(a, 0)}, whose variables had another value`;
  }
  const same = commonPrefix(a, b);
  return `${shortened(a, same)} → ${shortened(b, same)}`;
}

/** Text is quoted only where it would be read as something else: a JSON value, nothing at all, or a second line. */
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

/** Long values are cut so that the first character that differs is among those shown. */
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
