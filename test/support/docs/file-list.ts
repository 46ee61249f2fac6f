/**
 * `docs/files.md`: every source file by layer and room, with the first sentence that it opens with, so that the list
 * cannot say something else than the file. README.md gives the layers their order and their words; `## Rooms` in the
 * README of a layer does so for its rooms.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const INTRODUCTION = `# Where things are

This page lists every source file, from the command line down to the vocabulary, with the first sentence of each. \`npm run docs\` writes it.`;

/**
 * Returns the whole page.
 * @param root a folder with README.md and src/
 * @throws Error where a README does not name each layer or room once, and where a file opens with no sentence
 */
export function fileList(root: string): string {
  const layers = layersOf(root);
  return `${[INTRODUCTION, ...layers.flatMap(([layer, words]) => layerList(root, layer, words))].join('\n\n')}\n`;
}

type Named = readonly [name: string, words: string];

function layersOf(root: string): readonly Named[] {
  const layers = namedIn(readFileSync(join(root, 'README.md'), 'utf8'), /^src\/(\S+)\/ +(.+)$/gm);
  requireSame('README.md', layers, foldersIn(join(root, 'src')));
  return layers;
}

function layerList(root: string, layer: string, words: string): readonly string[] {
  const folder = join(root, 'src', layer);
  const { itself, rooms } = roomsOf(folder, layer);
  const own = filesOf(folder);
  return [
    `## ${layer}`,
    `\`src/${layer}/\`: ${words}. [Its README](../src/${layer}/README.md) says what it guarantees.`,
    ...(itself === undefined ? [] : [`### \`${layer}/\`: ${itself}`]),
    ...(own === '' ? [] : [own]),
    ...rooms.flatMap(([room, what]) => [`### \`${layer}/${room}/\`: ${what}`, filesOf(join(folder, room))]),
  ];
}

/** A layer may name itself among its rooms, for the files that are in none of them. */
function roomsOf(
  folder: string,
  layer: string,
): { readonly itself?: string | undefined; readonly rooms: readonly Named[] } {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const [, section = ''] = /^## Rooms$([^]*?)(?=^## |$(?![^]))/m.exec(readme) ?? [];
  const named = namedIn(section, /^- `(\S+)\/`: (.+)$/gm);
  const rooms = named.filter(([name]) => name !== layer);
  requireSame(`src/${layer}/README.md`, rooms, foldersIn(folder));
  return { itself: named.find(([name]) => name === layer)?.[1], rooms };
}

function namedIn(text: string, line: RegExp): readonly Named[] {
  return [...text.matchAll(line)].map(([, name = '', words = '']) => [name, words]);
}

function requireSame(readme: string, named: readonly Named[], folders: readonly string[]): void {
  const names = named.map(([name]) => name).sort();
  if (names.join() === folders.join()) return;
  throw new Error(`${readme} names ${names.join(', ') || 'nothing'}; there are ${folders.join(', ') || 'no folders'}`);
}

function foldersIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

function filesOf(folder: string): string {
  return sourcesIn(folder)
    .map((file) => `- \`${file}\`: ${firstSentence(join(folder, file))}`)
    .join('\n');
}

function sourcesIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .sort();
}

function firstSentence(file: string): string {
  const [, block] = /\/\*\*([^]*?)\*\//.exec(readFileSync(file, 'utf8')) ?? [];
  const text = (block ?? '')
    .replaceAll(/\n\s*\* ?/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
  const [, sentence] = /^(.+?)[.:;]?(?:(?<=[.])\s+(?=[A-Z`])|$)/.exec(text) ?? [];
  if (sentence === undefined) throw new Error(`${file} does not open with a sentence that says what it is`);
  // It goes on from the name of the file.
  return sentence.replace(/[.:]$/, '');
}
