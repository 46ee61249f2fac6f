/** The READMEs of `src/` list its files as the files themselves say. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { withFileLists } from '../../support/docs/folder-lists.js';
import { temporaryFolder } from '../../support/temporary.js';
import { mkdirSync, writeFileSync } from 'node:fs';

const SRC = fileURLToPath(new URL('../../../src', import.meta.url));

test.each(readdirSync(SRC))('src/%s/README.md lists what `npm run docs` makes of its files', (layer) => {
  const readme = readFileSync(join(SRC, layer, 'README.md'), 'utf8');
  expect(readme).toBe(withFileLists(join(SRC, layer), readme));
});

test('withFileLists lists the first sentence of each file, and refuses a room without a list', async () => {
  await using folder = await temporaryFolder();
  mkdirSync(join(folder.path, 'room'));
  writeFileSync(
    join(folder.path, 'b.ts'),
    '/** What `b.ts` is, e.g. this: one thing. Not this. */\nexport const b = 1;\n',
  );
  writeFileSync(join(folder.path, 'a.ts'), '/**\n * Over two\n * lines.\n */\n');
  const made = withFileLists(
    folder.path,
    'x\n<!-- files of . -->\nold\n<!-- end -->\ny\n<!-- files of room -->\n<!-- end -->\n'.replace(
      '<!-- files of room -->\n<!-- end -->\n',
      '',
    ),
  );
  expect(made).toBe(
    'x\n<!-- files of . -->\n\n- `a.ts`: Over two lines\n- `b.ts`: What `b.ts` is, e.g. this: one thing\n\n<!-- end -->\ny\n',
  );
  writeFileSync(join(folder.path, 'room', 'c.ts'), '/** Third. */\n');
  expect(() => withFileLists(folder.path, '<!-- files of . -->\n<!-- end -->\n')).toThrow(/its rooms are \., room/);
  writeFileSync(join(folder.path, 'b.ts'), 'export const b = 1;\n');
  expect(() =>
    withFileLists(folder.path, '<!-- files of . -->\n<!-- end -->\n<!-- files of room -->\n<!-- end -->\n'),
  ).toThrow(/does not open/);
});
