/** `npm run docs`: writes the made parts of README.md, and docs/files.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileList } from './file-list.js';
import { withSections } from './rendered-sections.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const readme = join(root, 'README.md');
writeFileSync(readme, withSections(readFileSync(readme, 'utf8')));
writeFileSync(join(root, 'docs/files.md'), fileList(root));
