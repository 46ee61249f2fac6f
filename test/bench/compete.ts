/**
 * Contenders run in turn, round after round, so that whatever else the machine does hits all of them alike; medians are
 * kept.
 */
import type { Measured } from './measure.js';

export interface Figure {
  readonly name: string;
  readonly items: number;
  readonly itemsPerCpuSecond: number;
  readonly itemsPerSecond: number;
  readonly peakRssMiB: number;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

export interface Contender {
  readonly name: string;
  readonly items: number;
  readonly run: () => Promise<Measured>;
}

/** Every contender once a round. @returns figures by name, in the contenders' order */
export async function compete(contenders: readonly Contender[], runs: number): Promise<ReadonlyMap<string, Figure>> {
  const measured = new Map<string, Measured[]>();
  for (let round = 0; round < runs; round += 1) {
    for (const { name, run } of contenders) {
      const result = await run();
      measured.set(name, [...(measured.get(name) ?? []), result]);
      process.stderr.write(
        `  round ${round + 1} ${name}: ${result.cpuSeconds.toFixed(2)} s CPU, ${result.wallSeconds.toFixed(2)} s\n`,
      );
    }
  }
  const found = new Map<string, Figure>();
  for (const { name, items } of contenders) {
    const results = measured.get(name) ?? [];
    const figure = {
      name,
      items,
      itemsPerCpuSecond: items / median(results.map((result) => result.cpuSeconds)),
      itemsPerSecond: items / median(results.map((result) => result.wallSeconds)),
      peakRssMiB: median(results.map((result) => result.peakRssMiB)),
    };
    found.set(name, figure);
  }
  return found;
}
