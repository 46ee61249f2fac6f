/**
 * The time that waiting is judged by, over all processes of a machine's uptime: ms since the epoch as the wall clock had it when the file
 * was first opened since the machine started, and the uptime from there on. Whoever sets the wall clock, forward or back, ends no
 * waiting early and prolongs none. Where the system tells no boot from another, it is the wall clock.
 */
import type { Database, Statement } from 'better-sqlite3';
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

interface Anchor {
  readonly boot: string | null;
  readonly bootedAt: number | null;
}

export class SteadyClock {
  readonly #read: Statement<[], Anchor>;

  constructor(readonly database: Database) {
    this.#read = database.prepare('SELECT boot, booted_at AS bootedAt FROM meta');
  }

  now(): number {
    const anchor = this.#read.get();
    if (anchor === undefined || anchor.bootedAt === null || anchor.boot !== bootId()) return Date.now();
    return anchor.bootedAt + uptimeMs();
  }

  /**
   * Call it when the file is opened to work on. What was sent before this boot was sent before it began, whatever the clock of then
   * said: nothing is taken for older than the machine's uptime proves, nor for younger than it was.
   */
  anchor(): void {
    const boot = bootId();
    if (boot === null || this.#read.get()?.boot === boot) return;
    const bootedAt = Date.now() - uptimeMs();
    this.database
      .transaction(() => {
        this.database.prepare('UPDATE suspects SET since = max(since, ?)').run(bootedAt);
        this.database.prepare('UPDATE meta SET broken_off_at = max(broken_off_at, ?)').run(bootedAt);
        this.database.prepare('UPDATE meta SET boot = ?, booted_at = ?').run(boot, bootedAt);
      })
      .immediate();
  }
}

/** Goes on while the machine sleeps. */
function uptimeMs(): number {
  return Math.round(uptime() * 1_000);
}

/** Linux alone tells. */
function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}
