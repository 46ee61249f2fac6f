/**
 * What the machine refuses while the preflight looks is told as that, and not as the fault of what it was looking at.
 */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../support/temporary.js';

const SCRIPT = fileURLToPath(new URL('scripts/preflight-without-files.ts', import.meta.url));

/** Its certificate authority is in a file that is there. */
const CONFIG = `
state: ./state
source:
  shards:
    - { id: s01, host: db.example, user: reader, password: '\${PW}', database: audit, tls: { mode: verify, ca: '${SCRIPT}' } }
  table: { name: events }
target: { table: events, region: eu-west-1, writeCapacity: 1000 }
mapping:
  events:
    items:
      - partitionKey: { name: pk, template: '{id:pad(20)}' }
`;

test('preflight does not report a CA file as a fault of the config when no more files may be open', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'dynaferry.yaml');
  writeFileSync(file, CONFIG);
  const { stdout } = await promisify(execFile)(
    'sh',
    ['-c', 'ulimit -n 100; exec "$@"', 'sh', process.execPath, '--import', 'tsx', SCRIPT],
    { env: { ...process.env, CONFIG: file, PW: 'x' } },
  );
  const findings = JSON.parse(stdout) as readonly { readonly code: string; readonly message: string; hint: string }[];
  expect(findings).toContainEqual({
    level: 'error',
    shards: null,
    code: 'E_TOO_MANY_FILES',
    message: `shard s01: the CA file ${SCRIPT}: this process may open no more files (EMFILE)`,
    hint: expect.stringContaining('ulimit -n') as string,
  });
  expect(findings.map(({ code }) => code)).not.toContain('E_SOURCE_CONNECT');
});
