/** Every text of the repository that the rules of language hold for, and what breaks one. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { docstringFaults, languageFaults, titleFaults } from './rules.js';
import { textsOf } from './texts.js';

export interface LanguageFault {
  readonly path: string;
  readonly line: number;
  readonly fault: string;
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const FOLDERS = ['src', 'test', 'docs', 'fixtures', '.'];
/** What must not change, as files of users have it; and words of others. */
const EXEMPT = ['src/state/sqlite/migrations/', 'src/dynamodb/failures/service-vocabulary.ts', 'docs/names.md'];

export function repositoryFaults(): LanguageFault[] {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: folder !== '.', encoding: 'utf8' }).map((name) =>
      folder === '.' ? name : `${folder}/${name}`,
    ),
  );
  return files
    .filter((path) => /\.(?:ts|md)$/.test(path) && !EXEMPT.some((exempt) => path.startsWith(exempt)))
    .sort()
    .flatMap((path) => fileFaults(path, readFileSync(join(ROOT, path), 'utf8')).map((fault) => ({ path, ...fault })));
}

/** @param path relative to the repository */
export function fileFaults(path: string, content: string): Omit<LanguageFault, 'path'>[] {
  if (path.endsWith('.md')) return markdownFaults(path, content);
  const test = path.startsWith('test/');
  return textsOf(content).flatMap(({ kind, text, line }) => {
    if (kind === 'title') return titleFaults(text).map((fault) => ({ line, fault }));
    // Of tests, the titles alone: a message there quotes one of ours, or stands for anybody's.
    if (test) return [];
    const faults = [...languageFaults(text), ...(kind === 'docstring' ? docstringFaults(text) : [])];
    return faults.map((fault) => ({ line, fault: `${kind}: ${fault}` }));
  });
}

/** CONTRIBUTING.md quotes the words that it forbids. */
function markdownFaults(path: string, content: string): Omit<LanguageFault, 'path'>[] {
  const text = path === 'CONTRIBUTING.md' ? content.replace(/^4\..*$/m, '') : content;
  return languageFaults(text).map((fault) => {
    const start = fault.slice(fault.indexOf(':') + 2).slice(0, 24);
    const at = content.indexOf(start);
    return { line: at < 0 ? 0 : content.slice(0, at).split('\n').length, fault };
  });
}
