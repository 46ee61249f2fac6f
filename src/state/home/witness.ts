/**
 * The witness of a state file: `<name>.seen` holds the file's lineage and the number of its last commit. An older file
 * that was put in place has fewer commits than the witness, or another lineage. So has a file whose log was removed
 * after a kill.
 *
 * It is written after each commit, without a sync. After a power failure it may have fewer commits than the file, but
 * never more. If the write fails, the witness detects less later, but the commit stands and is not reported as failed.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { makeFile, syncFolderOf } from '../sqlite/files.js';

export interface Seen {
  /** Random text, made when the file is created or adopted. */
  readonly lineage: string;
  /** Number of commits so far. */
  readonly commits: number;
}

export function newLineage(): string {
  return randomBytes(12).toString('base64url');
}

export function witnessOf(file: string): string {
  return file.replace(/\.db$/, '.seen');
}

/**
 * Returns the content of the witness; null: the file has no witness; `unreadable`: the witness holds something else.
 */
export function readSeen(file: string): Seen | 'unreadable' | null {
  const witness = witnessOf(file);
  if (!existsSync(witness)) return null;
  const [, lineage, commits] = /^([\w-]{16}) (\d{16})\n$/.exec(readFileSync(witness, 'utf8')) ?? [];
  if (lineage === undefined || commits === undefined) return 'unreadable';
  return { lineage, commits: Number(commits) };
}

export class Witness {
  readonly #descriptor: number;

  /** Creates the file if it is missing, and syncs `commits` to disk. */
  constructor(
    file: string,
    readonly lineage: string,
    commits: number,
  ) {
    const witness = witnessOf(file);
    const isNew = !existsSync(witness);
    makeFile(witness);
    this.#descriptor = openSync(witness, 'r+');
    try {
      this.#write(commits);
      fsyncSync(this.#descriptor);
      if (isNew) syncFolderOf(witness);
    } catch (error) {
      closeSync(this.#descriptor);
      throw error;
    }
  }

  /** Notes a commit. Call it after the commit. */
  note(commits: number): void {
    try {
      this.#write(commits);
    } catch {
      // The commit stands.
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #write(commits: number): void {
    writeSync(this.#descriptor, `${this.lineage} ${String(commits).padStart(16, '0')}\n`, 0);
  }
}
