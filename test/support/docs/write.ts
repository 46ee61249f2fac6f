/** `npm run docs`: writes the made parts of README.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { withSections } from './rendered-sections.js';

const file = new URL('../../../README.md', import.meta.url);
writeFileSync(file, withSections(readFileSync(file, 'utf8')));
