/** Memory and handles of processes, looked at once a second through /proc, and whether they grew. Linux. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

interface Sample {
  /** Seconds since the first look. */
  readonly at: number;
  readonly rssMiB: number;
  readonly handles: number;
  readonly sockets: number;
}

interface Life {
  readonly what: string;
  readonly begun: number;
  readonly samples: Sample[];
}

/** Before that, code is compiled and heaps find their size. */
const WARM_UP_SECONDS = 20;
const SHORTEST_SECONDS = 40;
/** A heap breathes. */
const GROWTH_ALLOWED_MIB = 24;
/** A connection may just have been lost, and its successor be there already. */
const HANDLES_ALLOWED = 4;

export class Watch {
  readonly #lives = new Map<number, Life>();

  look(pid: number, what: string): void {
    try {
      const rssMiB = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN) / 1_024;
      if (Number.isNaN(rssMiB)) return;
      const handles = readdirSync(`/proc/${pid}/fd`);
      const sockets = handles.filter((fd) => target(pid, fd).startsWith('socket:')).length;
      const life = this.#lives.get(pid) ?? { what, begun: performance.now(), samples: [] };
      this.#lives.set(pid, life);
      const at = (performance.now() - life.begun) / 1_000;
      life.samples.push({ at, rssMiB, handles: handles.length, sockets });
    } catch {
      // It has ended.
    }
  }

  /** What the longest life of each sort of process says. */
  verdict(): { readonly figures: Record<string, string>; readonly complaints: readonly string[] } {
    const figures: Record<string, string> = {};
    const complaints: string[] = [];
    for (const what of new Set([...this.#lives.values()].map((life) => life.what))) {
      const life = longest([...this.#lives.values()].filter((candidate) => candidate.what === what));
      const warm = life.samples.filter(({ at }) => at >= WARM_UP_SECONDS);
      const peak = Math.max(
        ...[...this.#lives.values()].filter((l) => l.what === what).flatMap((l) => l.samples.map((s) => s.rssMiB)),
      );
      const name = what.replaceAll(' ', '_');
      figures[`${name}_rss_peak_mib`] = peak.toFixed(0);
      if ((warm.at(-1)?.at ?? 0) < SHORTEST_SECONDS) continue;
      const growth = grown(warm, (sample) => sample.rssMiB);
      const handles = grown(warm, (sample) => sample.handles);
      figures[`${name}_watched_minutes`] = ((warm.at(-1)?.at ?? 0) / 60).toFixed(1);
      figures[`${name}_rss_slope_mib_per_minute`] = (60 * slope(warm)).toFixed(2);
      figures[`${name}_rss_growth_mib`] = growth.toFixed(1);
      figures[`${name}_handles_growth`] = handles.toFixed(0);
      figures[`${name}_sockets_most`] = String(Math.max(...warm.map(({ sockets }) => sockets)));
      if (growth > GROWTH_ALLOWED_MIB) complaints.push(`a ${what} grew by ${growth.toFixed(1)} MiB`);
      if (handles > HANDLES_ALLOWED) complaints.push(`a ${what} kept ${handles.toFixed(0)} more handles`);
    }
    if (Object.keys(figures).every((name) => !name.endsWith('_growth')))
      complaints.push('no process lived long enough to be watched');
    return { figures, complaints };
  }
}

function longest(lives: readonly Life[]): Life {
  const [first, ...rest] = lives;
  if (first === undefined) throw new Error('nothing was watched');
  return rest.reduce((best, life) => (life.samples.length > best.samples.length ? life : best), first);
}

/** From the first fifth to the last, by their medians. */
function grown(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const fifth = Math.max(1, Math.floor(samples.length / 5));
  return median(samples.slice(-fifth).map(of)) - median(samples.slice(0, fifth).map(of));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** MiB a second, by least squares. */
function slope(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number): number => samples.reduce((sum, s) => sum + of(s), 0) / samples.length;
  const [at, rss] = [mean((s) => s.at), mean((s) => s.rssMiB)];
  const covariance = samples.reduce((sum, s) => sum + (s.at - at) * (s.rssMiB - rss), 0);
  return covariance / samples.reduce((sum, s) => sum + (s.at - at) ** 2, 0);
}

function target(pid: number, fd: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return '';
  }
}
