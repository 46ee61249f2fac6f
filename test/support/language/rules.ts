/** The rules of language that a program can check, with the list of words that `CONTRIBUTING.md` forbids. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const MOST_WORDS = 25;

const CONTRIBUTING = fileURLToPath(new URL('../../../CONTRIBUTING.md', import.meta.url));

/** @returns the words that CONTRIBUTING.md forbids */
export function forbiddenWords(contributing = readFileSync(CONTRIBUTING, 'utf8')): string[] {
  const list = /Do not write \*([^*]+)\*/.exec(contributing)?.[1];
  if (list === undefined) throw new Error('CONTRIBUTING.md has no sentence "Do not write *...*"');
  return list.split(/,\s+/);
}

const FORBIDDEN = new RegExp(`\\b(?:${forbiddenWords().join('|').replaceAll(' ', '\\s+')})\\b`, 'i');

/** A docstring of something that acts starts with its verb, or with a subject. These words start neither. */
const NO_SUBJECT =
  /^(?:of|what|whether|who|whose|how|where|when|why|which|that|for|in|against|by|from|with|without|as|absent|null|so|such|until|to|if|one|once|after|before|at|on|behind|beside|between|like|not|only|also|same|whatever)\b/i;

/** One word, however long the code is. */
const CODE = /`[^`]*`/g;

/** @param text prose: paragraphs, lists and tables of Markdown, or a message @returns each sentence on one line */
export function sentencesOf(text: string): string[] {
  return text
    .replace(/```[\s\S]*?```/g, '\n\n')
    .replace(/<!--[\s\S]*?-->/g, '\n\n')
    .replace(CODE, 'CODE')
    .replace(/\]\([^)]*\)/g, ']')
    .split(/\n\s*\n|\n\s*(?=(?:--\w[-\w]*|[-*|>$]|\d+\.|#+|@\w+)\s)|\||(?<=[.!?][)”"*]*)\s+/)
    .map((sentence) => sentence.replace(/\s+/g, ' ').trim())
    .filter((sentence) => sentence !== '');
}

const wordsOf = (sentence: string): number => sentence.split(' ').filter((word) => /[\p{L}\p{N}]/u.test(word)).length;

/** @returns what breaks a rule in `text`, a line each; none where nothing does */
export function languageFaults(text: string): string[] {
  return sentencesOf(text).flatMap((sentence) => {
    const words = wordsOf(sentence);
    const forbidden = FORBIDDEN.exec(sentence)?.[0];
    return [
      ...(forbidden === undefined ? [] : [`"${forbidden}" in: ${sentence}`]),
      ...(words > MOST_WORDS ? [`${words} words: ${sentence}`] : []),
    ];
  });
}

/** @param docstring of a function, a method or a class */
export function docstringFaults(docstring: string): string[] {
  const first = docstring.trim();
  return NO_SUBJECT.test(first) ? [`a docstring without subject and verb: ${first.split('\n', 1)[0] ?? ''}`] : [];
}

const NO_TITLE_SUBJECT =
  /^(?:is|are|was|were|has|have|had|does|do|did|can|may|must|goes|ends|comes|takes|gives|stops|names|says|counts|keeps|finds|holds|reads|writes|needs|waits|refuses|makes|leaves|sends|asks|starts|lets|shows|looks|knows|gets|puts|calls|tries|fails|returns|throws|adds|closes|opens|prints|records|tells|runs|works|stays|stands|turns|wants|uses|allows|accepts|rejects|ignores|resumes|moves|removes|and|or|but|of|that|which|whose|in|on|at|from|to|for|by|if|where|when|while|until|after|before|not|also|then|so|still)\b/;

/** @param title of a test, without those of its groups */
export function titleFaults(title: string): string[] {
  if (title.trim().split(/\s+/).length < 3) return [`a title of less than three words: ${title}`];
  return NO_TITLE_SUBJECT.test(title) ? [`a title without a subject: ${title}`] : [];
}
