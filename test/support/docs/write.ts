/** `npm run docs`: writes the generated parts of README.md, and the lists of files in the READMEs of src. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withFileLists } from './folder-lists.js';
import { withSections } from './rendered-sections.js';

const file = new URL('../../../README.md', import.meta.url);
writeFileSync(file, withSections(readFileSync(file, 'utf8')));

const source = fileURLToPath(new URL('../../../src', import.meta.url));
for (const layer of readdirSync(source)) {
  const readme = join(source, layer, 'README.md');
  writeFileSync(readme, withFileLists(join(source, layer), readFileSync(readme, 'utf8')));
}
