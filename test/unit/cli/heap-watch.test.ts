import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/temporary.js';

const SCRIPT = fileURLToPath(new URL('scripts/leaking.ts', import.meta.url));
const HEAP = ['--max-old-space-size=80', '--max-semi-space-size=1'];

test.each([
  ['in words', [], /^error E_OUT_OF_MEMORY: the main process of dynaferry .* MiB.*\n {2}next: /],
  ['as JSON', ['--json'], /^\{"error":\{"code":"E_OUT_OF_MEMORY",.*,"exitCode":6\}\n$/],
] as const)(
  'a heap that fills up stops the run with a message %s, before V8 ends it with a trace',
  { timeout: 120_000 },
  async (_, format, said) => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'dynaferry.yaml');
    writeFileSync(
      file,
      readFileSync(new URL('../../../fixtures/examples/sorted-ledger.yaml', import.meta.url), 'utf8'),
    );
    const words = ['status', '--watch', '--interval', '1', '-c', file, ...format];
    const child = spawn(process.execPath, [...HEAP, '--import', 'tsx', SCRIPT, ...words], {
      env: { ...process.env, MYSQL_HOST: '127.0.0.1', MYSQL_USER: 'nobody', MYSQL_PASSWORD: 'none' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (part: Buffer) => (stderr += String(part)));
    expect(await once(child, 'close')).toEqual([6, null]);
    expect(stderr).toMatch(said);
    expect(stderr).not.toMatch(/FATAL|JS stacktrace/);
    // Of a run with --restart, that would start all of it again (resume-command.ts): the report names the command.
    expect(stderr).not.toContain('run the same command again');
  },
);
