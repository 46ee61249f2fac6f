/**
 * Shows where a command points: the target with its AWS account, and the MySQL server of each shard. A wrong
 * environment variable shows there before the first write.
 */
import { ofServer } from '../core/text/shown-text.js';
import { plural } from '../wording/number-format.js';
import type { Places, SourcePlace, TargetPlace } from '../wiring/look/places.js';
import { writeLine, type Io } from './io.js';

/** The most shards that a run names; `check` names all. */
const MOST_SHARDS = 4;

/**
 * Prints the places of a command on stderr.
 * @param run the id of a run with `--json`, which gets them as an event; null: lines for people
 */
export function printPlaces(io: Io, run: string | null, places: Places): void {
  if (run !== null) {
    writeLine(io.stderr, JSON.stringify({ time: new Date().toISOString(), run, event: 'run.places', ...places }));
  } else {
    for (const line of linesOf(places, MOST_SHARDS)) writeLine(io.stderr, line);
  }
}

/** Returns a line for the target, and one for each shard up to `most`. */
export function linesOf({ target, sources }: Places, most = Infinity): readonly string[] {
  const named = sources.length <= most + 1 ? sources : sources.slice(0, most);
  const rest = sources.length - named.length;
  return [
    `target: ${target === null ? 'not looked at' : targetText(target)}`,
    ...named.map((source) => `source ${source.shard}: ${sourceText(source)}`),
    ...(rest === 0 ? [] : [`source: ${plural(rest, 'more shard')}; \`dynaferry check\` lists all`]),
  ];
}

export function targetText({ table, exists, account, emulator, region, endpoint }: TargetPlace): string {
  const owner = emulator
    ? 'emulator'
    : account !== null
      ? `AWS account ${ofServer(account)}`
      : exists === false
        ? 'the table does not exist, so its AWS account is unknown'
        : 'AWS account unknown';
  const at = endpoint === null ? 'endpoint unknown' : `${emulator ? 'at' : 'endpoint'} ${ofServer(endpoint)}`;
  const place = emulator ? `${owner} ${at}` : `${owner}, ${at}`;
  return `table ${ofServer(table)}, ${region === null ? 'region unknown' : `region ${ofServer(region)}`}, ${place}`;
}

function sourceText({ host, port, database, server }: SourcePlace): string {
  return `${ofServer(host)}:${port}, database ${ofServer(database)}, ${server === null ? 'server version unknown' : ofServer(server)}`;
}
