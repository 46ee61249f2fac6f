/**
 * The kinds of SQLite files that dynaferry has, and the versions of their schemas. A change of a schema is a new step
 * at the end of its migrations. Opening an older file migrates it, and a newer file is refused. `PRAGMA user_version`
 * is the number of steps that a file has passed.
 */
import { KEY_REGISTER_MIGRATIONS } from './migrations/key-register.js';
import { STATE_TO_V11 } from './migrations/state-to-v11.js';
import { STATE_V12 } from './migrations/state-v12.js';

/** A kind of SQLite file that dynaferry creates. */
export interface DatabaseKind {
  /** `PRAGMA application_id`: four letters that identify the file, also for `file(1)`. */
  readonly applicationId: number;
  /** SQL by version, from 1. */
  readonly migrations: readonly string[];
  /**
   * Whether only one process at a time works on the file, by a lock. Then a migration keeps a copy of the former file
   * beside it.
   */
  readonly oneOwner: boolean;
}

/** `dynS` */
export const STATE: DatabaseKind = {
  applicationId: 0x64796e53,
  migrations: [...STATE_TO_V11, STATE_V12],
  oneOwner: true,
};

/** `dynK` */
export const KEY_REGISTER: DatabaseKind = {
  applicationId: 0x64796e4b,
  migrations: KEY_REGISTER_MIGRATIONS,
  oneOwner: false,
};
