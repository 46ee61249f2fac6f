/** A private copy of the checkout, in which a source file may be changed while others work in the original. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Not part of what is tested, or made anew. */
const LEFT_OUT = new Set(['node_modules', 'dist', '.git', 'state', 'bench.json']);

export class Tree {
  /** What `dist/` was built from: the built program is the sources as they are now. */
  #built = false;
  /** What was written, in order. */
  readonly #written: string[] = [];

  private constructor(readonly root: string) {}

  /** @param root a folder that does not exist yet */
  static copy(from: string, root: string): Tree {
    mkdirSync(root, { recursive: true });
    // Vite knows files by their real paths.
    root = realpathSync(root);
    for (const name of readdirSync(from)) {
      if (!LEFT_OUT.has(name)) cpSync(join(from, name), join(root, name), { recursive: true });
    }
    // Entry by entry: Vite keeps a cache in the folder, and each tree needs its own.
    mkdirSync(join(root, 'node_modules'));
    for (const name of readdirSync(join(from, 'node_modules'))) {
      if (name !== '.vite' && name !== '.cache')
        symlinkSync(join(from, 'node_modules', name), join(root, 'node_modules', name));
    }
    return new Tree(root);
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.root, file), text);
    this.#built = false;
    this.#written.push(file);
  }

  /** How often it was written to. */
  get state(): number {
    return this.#written.length;
  }

  /** What was written since it had that `state`, and the one that it has now. */
  changedSince(state: number): { readonly changed: readonly string[]; readonly state: number } {
    return { changed: [...new Set(this.#written.slice(state))], state: this.#written.length };
  }

  /** Makes `dist/` what the sources are. @throws Error with what the bundler says */
  async build(): Promise<void> {
    if (this.#built) return;
    await promisify(execFile)(process.execPath, ['.config/build.js'], { cwd: this.root });
    this.#built = true;
  }
}
