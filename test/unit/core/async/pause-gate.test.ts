import { describe, expect, test } from 'vitest';
import { PauseGate } from '../../../../src/core/async/pause-gate.js';

const running = new AbortController().signal;

describe('PauseGate', () => {
  test('PauseGate lets readers pass while it is open, and holds them while it is paused', async () => {
    const gate = new PauseGate();
    await gate.pass(running);
    gate.pause();
    let passed = false;
    const waiting = gate.pass(running).then(() => (passed = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(passed).toBe(false);
    gate.resume();
    await waiting;
  });

  test('PauseGate is quiet once all its readers wait, for it or for something else, and never without a reader', async () => {
    const gate = new PauseGate();
    const changes: boolean[] = [];
    gate.onChange = () => changes.push(gate.quiet);
    gate.pause();
    expect(gate.quiet).toBe(false);
    const [first, second] = [gate.enter(), gate.enter()];
    const waiting = gate.pass(running);
    expect(gate.quiet).toBe(false);
    let end: () => void = () => undefined;
    const other = gate.idleWhile(new Promise<void>((resolve) => (end = resolve)));
    expect(gate.quiet).toBe(true);
    expect(changes.at(-1)).toBe(true);
    end();
    await other;
    expect(gate.quiet).toBe(false);
    second();
    second();
    expect(gate.quiet).toBe(true);
    gate.resume();
    await waiting;
    first();
    expect(gate.quiet).toBe(false);
  });

  test('PauseGate rejects readers that are interrupted while they wait, and no longer counts them', async () => {
    const gate = new PauseGate();
    const stop = new AbortController();
    gate.enter();
    gate.pause();
    const waiting = gate.pass(stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
    expect(gate.quiet).toBe(false);
    await expect(gate.pass(stop.signal)).rejects.toMatchObject({ code: 'E_INTERRUPTED' });
  });
});
