/** Rounds, seed after seed, a few at a time, until the time is over. */
import { dynamodbKinds } from '../support/servers/kinds.js';
import type { DynamodbServer, Running } from '../support/servers/server.js';
import { playRound, type Round } from './rounds.js';
import { AWS, openStage, type Stage } from './stage.js';

export interface Fuzzed {
  readonly rounds: number;
  readonly answers: number;
  /** By how they ended. */
  readonly ends: ReadonlyMap<string, number>;
  readonly finds: readonly Round[];
}

/** A table that holds more makes every look slower. */
const ROUNDS_A_TABLE = 2_000;

/** @param most rounds, at most @param onFind at once, for a lane that runs for an hour */
export async function fuzz(
  servers: readonly DynamodbServer[],
  { seed, seconds, most = Infinity, atOnce = 6 }: { seed: number; seconds: number; most?: number; atOnce?: number },
  onFind: (round: Round) => void = () => undefined,
): Promise<Fuzzed> {
  Object.assign(process.env, AWS);
  const until = performance.now() + seconds * 1_000;
  const ends = new Map<string, number>();
  const finds: Round[] = [];
  let [rounds, answers] = [0, 0];
  const goesOn = (): boolean => rounds < most && performance.now() < until;
  while (goesOn()) {
    const stages = await Promise.all(servers.map(openStage));
    const last = rounds + ROUNDS_A_TABLE;
    const player = async (): Promise<void> => {
      while (goesOn() && rounds < last) {
        const round = await playRound(seed + rounds++, stages);
        answers += round.said.length;
        ends.set(round.end, (ends.get(round.end) ?? 0) + 1);
        if (round.finds.length === 0) continue;
        finds.push(round);
        onFind(round);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, player));
    await Promise.all(stages.map((stage: Stage) => stage.close()));
  }
  return { rounds, answers, ends, finds };
}

/** Each emulator that can be had here. */
export async function startEmulators(): Promise<readonly Running<DynamodbServer>[]> {
  const started: Running<DynamodbServer>[] = [];
  for (const kind of dynamodbKinds()) if ((await kind.available()) === true) started.push(await kind.start());
  return started;
}

export function inWords({ seed, kind, end, finds, said }: Round): string {
  return [`FIND seed ${seed} (${kind}, ${end}): ${finds.join('; ')}`, ...said.map((each) => `    ${each}`)].join('\n');
}
