/**
 * The rules about layers bite: every one is broken once, in a copy of the folder layout, and must be reported.
 */
import { execFile } from 'node:child_process';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { IConfiguration } from 'dependency-cruiser';
import { expect, it, vi } from 'vitest';
import { temporaryFolder } from '../support/temporary.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** A second each, and many times that on a busy machine. */
vi.setConfig({ testTimeout: 120_000 });

const LAYERS = [
  'core',
  'config',
  'state',
  'mysql',
  'dynamodb',
  'mapping',
  'engine',
  'listeners',
  'wording',
  'shards',
  'cli',
];

/** Below them, as far as a rule is broken by an import of theirs. */
const ROOMS = [
  'state/status',
  'mysql/keyset',
  'mysql/scan',
  'mysql/inspect',
  'dynamodb/http',
  'dynamodb/write',
  'dynamodb/read',
];
ROOMS.push('engine/verify', 'engine/claims', 'cli/commands');

/** By rule: a module and what it imports against the rule. */
const VIOLATIONS: Readonly<Record<string, readonly [module: string, imported: string]>> = {
  'core-imports-nothing': ['core/a', 'node:fs'],
  'config-stands-alone': ['config/a', '../state/target.js'],
  'state-stands-alone': ['state/a', '../config/target.js'],
  'mysql-stands-alone': ['mysql/a', '../mapping/target.js'],
  'dynamodb-stands-alone': ['dynamodb/a', '../mysql/target.js'],
  'mapping-stands-alone': ['mapping/a', '../dynamodb/target.js'],
  'mapping-does-no-io': ['mapping/b', 'node:fs/promises'],
  'engine-knows-ports': ['engine/a', '../mysql/target.js'],
  'listeners-listen': ['listeners/a', '../engine/target.js'],
  'wiring-is-below-processes': ['wiring', './shards/target.js'],
  'shards-use-wiring': ['shards/a', '../mysql/target.js'],
  'listeners-belong-to-cli': ['engine/b', '../listeners/target.js'],
  'cli-is-on-top': ['listeners/b', '../cli/target.js'],
  'wording-has-words-only': ['wording/a', '../engine/target.js'],
  'wording-is-for-showing': ['engine/wording', '../wording/target.js'],
  'mysql2-in-connection': ['mysql/scan/driver', 'mysql2/promise'],
  'aws-in-dynamodb': ['engine/d', '@aws-sdk/client-dynamodb'],
  'sqlite-in-state': ['cli/a', 'better-sqlite3'],
  'yaml-in-config': ['config/checks/yaml', 'yaml'],
  'zod-at-the-edges': ['cli/b', 'zod'],
  'commander-in-cli': ['config/b', 'commander'],
  'bars-in-listeners': ['cli/c', 'cli-progress'],
  'child-processes-in-shards': ['cli/d', 'node:child_process'],
  'waiting-is-waiting': ['core/async/a', '../target.js'],
  'items-are-of-the-model': ['core/item/a', '../target.js'],
  'capacity-is-arithmetic': ['core/capacity/a', '../target.js'],
  'machine-knows-no-run': ['core/machine/a', '../target.js'],
  'yaml-is-read-first': ['config/yaml/a', '../target.js'],
  'sqlite-keeps-anything': ['state/sqlite/a', '../target.js'],
  'tables-keep-one-thing': ['state/tables/a', '../target.js'],
  'status-looks-on': ['state/open', './status/target.js'],
  'connection-is-lowest': ['mysql/connection/a', '../keyset/target.js'],
  'errors-are-sorted-alone': ['mysql/errors/a', '../target.js'],
  'keyset-is-below-scans': ['mysql/keyset/a', '../scan/target.js'],
  'scan-looks-at-no-server': ['mysql/scan/a', '../inspect/target.js'],
  'failures-are-judged-alone': ['dynamodb/failures/a', '../http/target.js'],
  'http-knows-no-items': ['dynamodb/http/a', '../write/target.js'],
  'capacity-knows-no-requests': ['dynamodb/capacity/a', '../http/target.js'],
  'write-without-read': ['dynamodb/write/a', '../read/target.js'],
  'read-without-write': ['dynamodb/read/a', '../write/target.js'],
  'table-calls-are-rare': ['dynamodb/table/a', '../write/target.js'],
  'pass-serves-any-verb': ['engine/pass/a', '../target.js'],
  'claims-are-made-in-passes': ['engine/claims/a', '../verify/target.js'],
  'verbs-are-made-of-parts': ['engine/verb/a', '../verify/target.js'],
  'retry-moves-rows': ['engine/retry/a', '../verify/target.js'],
  'verbs-stand-alone': ['engine/lonely', './target.js'],
  'verify-compares': ['engine/verify/a', '../claims/target.js'],
  'a-process-knows-no-run': ['shards/process/a', '../target.js'],
  'report-runs-nothing': ['cli/report/a', '../commands/target.js'],
  'no-cycle': ['cli/e', './f.js'],
  resolvable: ['cli/g', './nowhere.js'],
  'src-without-tests': ['cli/h', '../../test/target.js'],
  'no-dev-dependency': ['cli/i', 'vitest'],
};

async function check(root: string): Promise<{ readonly passed: boolean; readonly output: string }> {
  return await new Promise((resolve) => {
    execFile(process.execPath, [join(ROOT, '.config/architecture.js'), root], (error, stdout, stderr) => {
      resolve({ passed: error === null, output: stdout + stderr });
    });
  });
}

async function ruleNames(): Promise<string[]> {
  const url = pathToFileURL(join(ROOT, '.config/dependency-cruiser.js')).href;
  const { default: config } = (await import(url)) as { default: IConfiguration };
  return (config.forbidden ?? []).map(({ name }) => name ?? 'unnamed');
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

it('the architecture check reports a violation of every rule', async () => {
  await using folder = await temporaryFolder();
  const source = (module: string): string => join(folder.path, 'src', `${module}.ts`);
  for (const folder of [...LAYERS, ...ROOMS]) await write(source(`${folder}/target`), 'export const target = 1;\n');
  await write(join(folder.path, 'test/target.ts'), 'export const target = 1;\n');
  await write(source('cli/f'), `import './e.js';\n`);
  for (const [module, imported] of Object.values(VIOLATIONS)) await write(source(module), `import '${imported}';\n`);
  await symlink(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'));
  await symlink(join(ROOT, 'package.json'), join(folder.path, 'package.json'));

  const { passed, output } = await check(folder.path);

  expect(passed).toBe(false);
  for (const [rule, [module]] of Object.entries(VIOLATIONS)) expect(output).toContain(`${rule}: src/${module}.ts`);
  expect(Object.keys(VIOLATIONS).sort()).toEqual((await ruleNames()).sort());
});

it('the architecture check refuses to pass a src without modules', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'src'));
  expect((await check(folder.path)).passed).toBe(false);
});

it('the architecture check looks at every module of src', async () => {
  const files = await readdir(join(ROOT, 'src'), { recursive: true });
  const modules = files.filter((file) => file.endsWith('.ts')).length;
  expect(modules).toBeGreaterThan(50);
  expect((await check(ROOT)).output).toContain(`in ${String(modules)} modules`);
});
