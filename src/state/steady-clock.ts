/**
 * The time that waiting is judged by, over all processes of a machine's uptime: ms since the epoch as the wall clock had it when the file
 * was first opened since the machine started, and the uptime from there on. Whoever sets the wall clock, forward or back, ends no
 * waiting early and prolongs none. Where the system tells no boot from another, it is the wall clock.
 *
 * Ages of comparisons are judged by it too, and by the wall clock beside it: by whichever says more. So a clock that is set back while the
 * machine is up makes nothing look younger. Over a restart of the machine nothing but the wall clock is left; where that says that a
 * comparison of before the restart came after it, it was set back, and the comparison's age is known to nobody from then on. So it is with
 * a file that came from another machine, where that compared while this one was up already: two clocks that nobody can compare.
 */
import type { Database, Statement } from 'better-sqlite3';
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { Age, ComparisonTime } from '../core/evidence.js';

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
    const anchor = this.#anchored();
    return anchor === null ? Date.now() : anchor + uptimeMs();
  }

  age({ at, steady }: ComparisonTime): Age {
    const wall = Date.now();
    // Not anchored yet since the machine started: told as `anchor` will.
    const unknown = steady === null || (this.#anchored() === null && Math.max(at, steady) > this.#latestBefore(wall));
    if (unknown) return { at, ms: null };
    const ms = Math.max(wall - at, this.now() - steady);
    return { at, ms: ms < 0 ? null : ms };
  }

  /** When this boot began as the file has it; null: it was not opened to work on since. */
  #anchored(): number | null {
    const anchor = this.#read.get();
    return anchor === undefined || anchor.boot !== bootId() ? null : anchor.bootedAt;
  }

  /** What was written under another boot came before this one began; where nobody noted the boot, before now. */
  #latestBefore(wall: number): number {
    return this.#read.get()?.boot == null ? wall : wall - uptimeMs();
  }

  /**
   * Call it when the file is opened to work on. What was sent before this boot was sent before it began, whatever the clock of then
   * said: nothing is taken for older than the machine's uptime proves, nor for younger than it was.
   */
  anchor(): void {
    const boot = bootId();
    if (boot === null || this.#read.get()?.boot === boot) return;
    const wall = Date.now();
    const bootedAt = wall - uptimeMs();
    const latest = this.#latestBefore(wall);
    this.database
      .transaction(() => {
        this.database.prepare('UPDATE suspects SET since = max(since, ?)').run(bootedAt);
        this.database.prepare('UPDATE meta SET broken_off_at = max(broken_off_at, ?)').run(bootedAt);
        for (const which of ['oldest', 'newest']) {
          this.database
            .prepare(`UPDATE pass_ranges SET ${which}_steady = NULL WHERE max(${which}_at, ${which}_steady) > ?`)
            .run(latest);
        }
        this.database.prepare('UPDATE meta SET boot = ?, booted_at = ?').run(boot, bootedAt);
      })
      .immediate();
  }
}

/** Goes on while the machine sleeps. */
function uptimeMs(): number {
  return Math.round(uptime() * 1_000);
}

let boot: string | null | undefined;

/** Linux alone tells. No process outlives its boot. */
function bootId(): string | null {
  if (boot !== undefined) return boot;
  try {
    boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    boot = null;
  }
  return boot;
}
