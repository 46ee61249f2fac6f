/**
 * Renders the lists of files in the READMEs of `src/`, between `<!-- files of ROOM -->` and `<!-- end -->`. A list has
 * each file with the file's own first sentence, so the two cannot differ. ROOM is a folder below the README's own, or
 * `.` for itself.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const MARKED = /(<!-- files of (\S+) -->\n)[^]*?(<!-- end -->)/g;

/** @returns the README with its lists made again @throws Error where a room has no list, or a file no sentence */
export function withFileLists(folder: string, readme: string): string {
  const listed = [...readme.matchAll(MARKED)].map(([, , room]) => room).sort();
  const rooms = roomsOf(folder);
  if (listed.join() !== rooms.join()) {
    throw new Error(`${folder}/README.md lists the files of ${listed.join(', ')}; its rooms are ${rooms.join(', ')}`);
  }
  return readme.replace(MARKED, (_, start: string, room: string, end: string) => {
    const lines = sourcesIn(join(folder, room)).map(
      (file) => `- \`${file}\`: ${firstSentence(join(folder, room, file))}`,
    );
    return `${start}\n${lines.join('\n')}\n\n${end}`;
  });
}

/** Those that hold source files, its own place first. */
function roomsOf(folder: string): readonly string[] {
  const below = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  return ['.', ...below].filter((room) => sourcesIn(join(folder, room)).length > 0).sort();
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
