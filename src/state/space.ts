/** How much room the state folder has left, for the preflight. */
import { existsSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { guarded } from './sqlite-errors.js';

/**
 * @param folder the state folder; where it does not exist yet, the nearest folder above it is asked
 * @returns bytes that this user may still write there
 * @throws FerryError E_STATE_IO
 */
export function stateSpace(folder: string): { readonly freeBytes: number } {
  let existing = resolve(folder);
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const place = { subject: 'the state folder', file: existing, remedy: 'name another folder as `state` in the config' };
  return guarded(place, () => {
    const { bavail, bsize } = statfsSync(existing);
    return { freeBytes: bavail * bsize };
  });
}
