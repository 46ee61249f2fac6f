/** Measures the free space of the state folder, for the preflight. */
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { FerryError } from '../../core/errors.js';
import { guarded } from './errors.js';

const OTHER_FOLDER = 'name another folder as `state` in the config';

/**
 * Returns how many bytes this user may still write in the state folder.
 * @param folder the state folder; if it does not exist yet, its nearest existing parent is measured
 * @throws FerryError E_STATE_IO
 */
export function stateSpace(folder: string): { readonly freeBytes: number } {
  let existing = resolve(folder);
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const paths = { subject: 'the state folder', file: existing, putBack: OTHER_FOLDER, remedy: OTHER_FOLDER };
  return guarded(paths, () => {
    if (!statSync(existing).isDirectory()) throw unusable(folder, `${existing} is a file`);
    if (!mayWrite(existing)) throw unusable(folder, `this user may not write in ${existing}`);
    const { bavail, bsize } = statfsSync(existing);
    return { freeBytes: bavail * bsize };
  });
}

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function unusable(folder: string, why: string): FerryError {
  return new FerryError('E_STATE_IO', `the state folder ${folder} cannot be used: ${why}`, OTHER_FOLDER);
}
