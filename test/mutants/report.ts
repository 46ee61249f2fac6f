/**
 * What a run says of its mutants: one line each, survivors as a diff, a table by folder, and the score as the last
 * line.
 */
import type { Verdict } from './judge.js';
import { stringify } from 'yaml';
import type { Mutant } from './mutant.js';

const WIDTH = 160;

export function lineOf({ file, line, within, operator, change }: Mutant): string {
  const text = `${file}:${line} ${within} (${operator}) ${change}`;
  return text.length > WIDTH ? `${text.slice(0, WIDTH)}...` : text;
}

export function survivor({ mutant, ran, cutShort }: Verdict, diff: string): string {
  const tests = ran.length === 0 ? 'no test runs it' : `${ran.length} test files passed over it`;
  const cut = cutShort ? ', not all had their turn' : '';
  const { file, line, within, lineText, change, operator } = mutant;
  // As equivalent.yaml wants it.
  const entry = stringify([{ file, in: within, line: lineText, change }], { lineWidth: 0 });
  return `survived  ${file}:${line} in ${within} (${operator}; ${tests}${cut})\n${diff}\n${entry}`;
}

export interface Summary {
  readonly lines: readonly string[];
  /** Killed of all that were tried, from 0 to 1; 0 where none was. */
  readonly score: number;
}

export function summary(
  verdicts: readonly Verdict[],
  folders: readonly string[],
  equivalent: number,
  seed: number,
): Summary {
  const killed = (among: readonly Verdict[]): number => among.filter(({ status }) => status !== 'survived').length;
  const share = (among: readonly Verdict[]): number => (among.length === 0 ? 1 : killed(among) / among.length);
  const rows = folders.map((folder) => {
    const among = verdicts.filter(({ mutant }) => mutant.file.startsWith(`src/${folder}/`));
    return `${folder.padEnd(10)} ${percent(share(among)).padStart(6)}   ${killed(among)} of ${among.length} killed`;
  });
  const score = verdicts.length === 0 ? 0 : share(verdicts);
  const hung = verdicts.filter(({ status }) => status === 'timed out').length;
  const seconds = verdicts.reduce((sum, { ms }) => sum + ms, 0) / 1000 / Math.max(1, verdicts.length);
  const last =
    `score ${percent(score)}: ${killed(verdicts)} of ${verdicts.length} killed (${hung} by time), ` +
    `${equivalent} equivalent not counted, seed ${seed}, ${seconds.toFixed(1)} s each`;
  return { lines: [...rows, last], score };
}

function percent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)}%`;
}
