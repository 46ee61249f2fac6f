/** `docs/files.md` lists the files of `src/` as the files themselves say. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { fileList } from '../../support/docs/file-list.js';
import { temporaryFolder } from '../../support/temporary.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const SMALL: Readonly<Record<string, string>> = {
  'README.md': '```\nsrc/top/     words to exit code\nsrc/below/   the rest\n```\n',
  'src/top/README.md': '# top\n\n## Rooms\n\n- `top/`: both\n- `room/`: one thing\n\nThe end.\n',
  'src/top/b.ts': '/** What `b.ts` is, e.g. this: one thing. Not this. */\nexport const b = 1;\n',
  'src/top/a.ts': '/**\n * Over two\n * lines.\n */\n',
  'src/top/room/c.ts': '/** Third. */\n',
  'src/below/README.md': '# below\n\n- `none/`: is not a room\n',
  'src/below/d.ts': '/** Last. */\n',
};

function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

describe('the list of source files', () => {
  test('docs/files.md is what `npm run docs` makes of the source files', () => {
    expect(readFileSync(join(ROOT, 'docs/files.md'), 'utf8')).toBe(fileList(ROOT));
  });

  test('the list has the first sentence of each file, by layer and room, in the order of the READMEs', async () => {
    await using folder = await temporaryFolder();
    write(folder.path, SMALL);
    expect(fileList(folder.path).split('\n\n').slice(2)).toEqual([
      '## top',
      '`src/top/`: words to exit code. [Its README](../src/top/README.md) says what it guarantees.',
      '### `top/`: both',
      '- `a.ts`: Over two lines\n- `b.ts`: What `b.ts` is, e.g. this: one thing',
      '### `top/room/`: one thing',
      '- `c.ts`: Third',
      '## below',
      '`src/below/`: the rest. [Its README](../src/below/README.md) says what it guarantees.',
      '- `d.ts`: Last\n',
    ]);
  });

  test.each([
    [
      'a layer that README.md does not name',
      { 'src/new/README.md': '' },
      /README.md names below, top; there are below, new/,
    ],
    [
      'a room that the README of its layer does not name',
      { 'src/below/new/e.ts': '/** Fifth. */' },
      /below.README.md names nothing; there are new/,
    ],
    [
      'a room that is not there',
      { 'src/top/README.md': '## Rooms\n\n- `room/`: x\n- `gone/`: x\n' },
      /names gone, room; there are room/,
    ],
    ['a file without a sentence', { 'src/top/b.ts': 'export const b = 1;\n' }, /b.ts does not open/],
  ])('the list cannot be made with %s', async (_, files, message) => {
    await using folder = await temporaryFolder();
    write(folder.path, { ...SMALL, ...files });
    expect(() => fileList(folder.path)).toThrow(message);
  });
});
