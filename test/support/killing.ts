/**
 * Kills dynaferry at the n-th occurrence of an event in its own log (`--all-events`). Nothing in the product helps. The
 * kill comes a few milliseconds after the event, since the line has a pipe to go through.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventName } from '../../src/core/events.js';
import type { CliResult, RunningCli } from './cli.js';

const POLL_MS = 2;
const WITHIN_MS = 60_000;

interface LoggedEvent {
  readonly event: EventName;
  readonly pid?: number;
}

export interface KillOrder {
  readonly event: EventName;
  /** From 1. */
  readonly occurrence: number;
  readonly victim: 'worker' | 'supervisor' | 'all';
  /** What the test does at the first occurrence of an event. */
  readonly provoke?: Partial<Readonly<Record<EventName, () => void>>>;
}

export interface Killed {
  /** False: it had ended before, or the event did not come so often. */
  readonly hit: boolean;
  readonly result: CliResult;
}

/** @throws Error where nothing comes of it within a minute, or a process is left */
export async function killAt(cli: RunningCli, { event, occurrence, victim, provoke = {} }: KillOrder): Promise<Killed> {
  const log = new EventLog(cli);
  const seen = new Map<EventName, number>();
  let worker: number | null = null;
  const over = { ended: false };
  const ended = cli.result.finally(() => (over.ended = true));
  ended.catch(() => undefined);
  const deadline = Date.now() + WITHIN_MS;
  for (;;) {
    const last = over.ended;
    for (const { event: name, pid } of log.news()) {
      const times = (seen.get(name) ?? 0) + 1;
      seen.set(name, times);
      if (name === 'shard.started') worker = pid ?? null;
      if (times === 1) provoke[name]?.();
      if (name !== event || times !== occurrence) continue;
      const hit = strike(cli, victim, worker);
      return { hit, result: await ended };
    }
    if (last) return { hit: false, result: await ended };
    if (Date.now() > deadline)
      throw new Error(`no ${occurrence}. ${event} within a minute:\n${cli.stdout}\n${cli.stderr}`);
    await sleep(POLL_MS);
  }
}

/** @returns false where it had ended by itself */
function strike(cli: RunningCli, victim: KillOrder['victim'], worker: number | null): boolean {
  try {
    if (victim === 'all') process.kill(-cli.pid, 'SIGKILL');
    else process.kill(victim === 'supervisor' ? cli.pid : (worker ?? 0), 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}

class EventLog {
  #read = 0;

  constructor(readonly cli: RunningCli) {}

  /** The whole lines that came since the last call. */
  news(): readonly LoggedEvent[] {
    const text = this.cli.stderr;
    const end = text.lastIndexOf('\n') + 1;
    if (end <= this.#read) return [];
    const lines = text.slice(this.#read, end).split('\n');
    this.#read = end;
    return lines.filter((line) => line.startsWith('{"time"')).map((line) => JSON.parse(line) as LoggedEvent);
  }
}
