import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { EventBus } from '../../../src/core/event-bus.js';
import { NO_COUNTS } from '../../../src/core/model.js';
import { startProgressBars } from '../../../src/listeners/progress-bars.js';
import { FakeStream, snapshot } from './fake-stream.js';

const HIDE = '\u001b[?25l';
const SHOW = '\u001b[?25h';
const NO_WRAP = '\u001b[?7l';
const WRAP = '\u001b[?7h';

function started(options: { columns?: number; rows?: number } = {}) {
  const bus = new EventBus();
  const stream = new FakeStream({ isTTY: true, ...options });
  return { bus, stream, close: startProgressBars(bus, stream) };
}

/** What is on the screen in the end: enough of a terminal for what the bars write. */
function screenOf(text: string): readonly string[] {
  const lines: string[] = [''];
  let [row, column] = [0, 0];
  for (const [token, parameter = '', command = ''] of text.matchAll(/\u001b\[([?\d;]*)([A-Za-z])|[^]/g)) {
    const line = lines[row] ?? '';
    if (token === '\n') [row, column] = [row + 1, 0];
    else if (command === 'A') row = Math.max(0, row - Number(parameter));
    else if (command === 'G') column = Number(parameter) - 1;
    else if (command === 'J') lines.splice(row, Infinity, line.slice(0, column));
    else if (command === 'K') lines[row] = parameter === '2' ? '' : line.slice(0, column);
    else if (command === '') {
      lines[row] = `${line.slice(0, column).padEnd(column)}${token}${line.slice(column + 1)}`;
      column += 1;
    }
    lines[row] ??= '';
  }
  return lines.map((line) => line.trimEnd());
}

describe('startProgressBars', () => {
  test('progress bars show a line a shard, and leave what happened above them', async () => {
    const { bus, stream, close } = started();
    bus.emit('shard.started', { shard: 's01', resumed: false, pid: 1 });
    bus.emit('shard.started', { shard: 's02', resumed: true, pid: 2 });
    bus.emit('shard.progress', { shard: 's01', ...snapshot() });
    await sleep(400);
    expect(screenOf(stream.text)).toEqual([
      's01 backfill messages  13.7%    1.2M/~9M 12.3k items/s   980/25k WCU ETA 2h 03m',
      's02 starting',
    ]);

    bus.emit('source.paused', { shard: 's01', cause: 'lag', reason: 'replica r1 is 14 s behind' });
    await sleep(400);
    expect(screenOf(stream.text)).toEqual([
      's01 reading pauses: replica r1 is 14 s behind',
      's01 backfill messages  13.7%    1.2M/~9M 12.3k items/s   980/25k WCU ETA 2h 03m',
      's02 starting',
    ]);

    bus.emit('shard.warning', {
      shard: 's02',
      code: 'E_STATE_SPACE',
      message: 'the disk of the state folder is nearly full: 212 MiB are left',
      hint: 'make room',
    });
    bus.emit('shard.finished', {
      shard: 's01',
      status: 'done',
      toldBy: 'process',
      counts: NO_COUNTS,
      elapsedMs: 5000,
      fault: null,
    });
    bus.emit('shard.progress', { shard: 's02', ...snapshot() });
    await sleep(400);
    const printed = [
      's01 reading pauses: replica r1 is 14 s behind',
      's02 warning: the disk of the state folder is nearly full: 212 MiB are left;',
      '    make room',
      's01 done after 5s: 0 rows, 0 items, 0 units',
    ];
    const line = 's02 backfill messages  13.7%    1.2M/~9M 12.3k items/s   980/25k WCU ETA 2h 03m';
    expect(screenOf(stream.text).slice(0, 5)).toEqual([...printed, line]);

    close();
    expect(screenOf(stream.text).filter((text) => text !== '')).toEqual([...printed, line]);
  });

  test.each(['at the end', 'at an interrupt'])('progress bars give the cursor back %s', (when) => {
    const { bus, stream, close } = started();
    bus.emit('shard.started', { shard: 's01', resumed: false, pid: 1 });
    expect(stream.text).toContain(HIDE);
    expect(stream.text).toContain(NO_WRAP);
    if (when === 'at the end') {
      bus.emit('shard.finished', {
        shard: 's01',
        status: 'done',
        toldBy: 'process',
        counts: NO_COUNTS,
        elapsedMs: 5000,
        fault: null,
      });
    }
    close();
    expect(stream.text.lastIndexOf(SHOW)).toBeGreaterThan(stream.text.lastIndexOf(HIDE));
    expect(stream.text.lastIndexOf(WRAP)).toBeGreaterThan(stream.text.lastIndexOf(NO_WRAP));
    const { text } = stream;
    close();
    bus.emit('shard.started', { shard: 's02', resumed: false, pid: 1 });
    expect(stream.text).toBe(text);
  });

  test('progress bars give the cursor back when the process exits without a word', () => {
    const before = process.listenerCount('exit');
    const { bus, stream, close } = started();
    bus.emit('shard.started', { shard: 's01', resumed: false, pid: 1 });
    const [onExit] = process.listeners('exit').slice(-1);
    onExit?.call(process, 0);
    expect(stream.text.lastIndexOf(SHOW)).toBeGreaterThan(stream.text.lastIndexOf(HIDE));
    close();
    expect(process.listenerCount('exit')).toBe(before);
  });

  test('progress bars never take more lines than the screen has, nor wider ones', async () => {
    const { bus, stream, close } = started({ columns: 40, rows: 6 });
    for (let i = 0; i < 30; i += 1) {
      bus.emit('shard.started', { shard: `s${i}`, resumed: false, pid: i });
      bus.emit('shard.progress', { shard: `s${i}`, ...snapshot() });
    }
    await sleep(300);
    const screen = screenOf(stream.text);
    expect(screen).toHaveLength(4);
    expect(screen[3]).toBe('and 27 more shards, which do not fit o~');
    expect(screen.every((line) => line.length < 40)).toBe(true);
    close();
  });

  test('progress bars write nothing where no shard ever starts', () => {
    const { stream, close } = started();
    close();
    expect(stream.text).toBe('');
  });
});

test('progress bars show what the first Ctrl-C does above them, whole', async () => {
  const { bus, stream, close } = started({ columns: 120 });
  bus.emit('shard.started', { shard: 's01', resumed: false, pid: 1 });
  bus.emit('shard.progress', { shard: 's01', ...snapshot() });
  bus.emit('run.stopping', { graceful: true });
  await sleep(400);
  expect(screenOf(stream.text)[0]).toBe(
    'dynaferry stopping: writes in flight finish, then the checkpoint is saved; press Ctrl-C again to end at once',
  );
  expect(screenOf(stream.text)[1]).toMatch(/^s01 backfill messages/);
  close();
});
