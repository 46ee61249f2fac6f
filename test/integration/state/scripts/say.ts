/** Words to the parent process. Written at once: a kill must not lose what was already said. */
import { writeSync } from 'node:fs';
import { asFerryError } from '../../../../src/core/thrown.js';

export function say(line: string): void {
  writeSync(1, `${line}\n`);
}

/** Runs `action`; an error is said as its code and message on one line. */
export async function sayFault(action: () => void | Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const { code, message } = asFerryError(error, 'a script');
    say(`${code} ${message}`);
  }
}

/** Resolves when the parent ends our standard input. */
export async function untilFinish(): Promise<void> {
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once('end', resolve));
}
