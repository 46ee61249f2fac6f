/**
 * The layers of README.md's architecture section, one rule a line. Type imports count: a type is a dependency too.
 * architecture.js runs it and makes sure that it saw every module; test/unit/architecture.test.ts proves that the rules
 * bite.
 */
const layer = (...names) => `^src/(${names.join('|')})(/|[.]ts$)`;
const library = (...names) => `(^|/)node_modules/(${names.join('|')})/|^(${names.join('|')})(/|$)`;
const builtin = (...names) => `^(node:)?(${names.join('|')})(/|$)`;
const room = (...names) => `^src/(${names.join('|')})/`;
const ownPlace = (layerName) => `^src/${layerName}/[^/]+$`;
const CONFIG_TYPES = '^src/config/model[.]ts$';
const ANY_SOURCE = '^src/';

/** Modules of `from` import, of all that `among` matches, only themselves and what `allowed` matches. */
const only = (name, comment, from, among, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: among, pathNot: [from, ...allowed] },
});

/** Nothing but `owner` imports what `target` matches. */
const owned = (name, comment, target, owner) => ({
  name,
  comment,
  severity: 'error',
  from: { path: ANY_SOURCE, pathNot: owner },
  to: { path: target },
});

const forbidden = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    // prettier-ignore
    ...[
      // ---- what a layer may import of the others
      only('core-imports-nothing', 'core is the vocabulary: whatever it imported, everything would', layer('core'), '.', []),
      only('config-stands-alone', 'the config is read before anything else is there', layer('config'), ANY_SOURCE, [layer('core')]),
      only('state-stands-alone', 'an adapter knows core and the shape of the config, no other adapter', layer('state'), ANY_SOURCE, [layer('core'), CONFIG_TYPES]),
      only('mysql-stands-alone', 'an adapter knows core and the shape of the config, no other adapter', layer('mysql'), ANY_SOURCE, [layer('core'), CONFIG_TYPES]),
      only('dynamodb-stands-alone', 'an adapter knows core and the shape of the config, no other adapter', layer('dynamodb'), ANY_SOURCE, [layer('core'), CONFIG_TYPES]),
      only('mapping-stands-alone', 'a mapping turns rows into text, wherever rows come from and text goes to', layer('mapping'), ANY_SOURCE, [layer('core'), CONFIG_TYPES]),
      only('mapping-does-no-io', 'what a row becomes depends on the row and the rules alone', layer('mapping'), builtin('fs', 'net', 'tls', 'http', 'https', 'http2', 'dns', 'dgram', 'child_process', 'worker_threads', 'cluster', 'process', 'timers'), []),
      only('engine-knows-ports', 'the algorithms are written against the ports of core (ports.ts, state-ports.ts), so that every adapter fits', layer('engine'), ANY_SOURCE, [layer('core', 'mapping')]),
      only('listeners-listen', 'a listener knows the events and nothing of who emits them', layer('listeners'), ANY_SOURCE, [layer('core', 'wording')]),
      only('wording-has-words-only', 'whoever shows something may use the same words', layer('wording'), ANY_SOURCE, [layer('core')]),
      only('wiring-is-below-processes', 'the composition root serves cli and shards alike', layer('wiring'), ANY_SOURCE, [layer('core', 'config', 'state', 'mysql', 'dynamodb', 'mapping', 'engine')]),
      only('shards-use-wiring', 'a worker gets its adapters from the composition root', layer('shards'), ANY_SOURCE, [layer('core', 'config', 'engine', 'mapping', 'wiring')]),
      owned('listeners-belong-to-cli', 'whoever emitted to a listener directly could be hurt by it', layer('listeners'), layer('listeners', 'cli')),
      owned('wording-is-for-showing', 'what works does not word what is shown of it', layer('wording'), layer('wording', 'listeners', 'cli')),
      owned('cli-is-on-top', 'nothing below knows that there is a command line', layer('cli'), layer('cli')),
      // ---- who may import which library
      owned('mysql2-in-connection', 'one place knows the driver and its traps', library('mysql2', '@vlasky/zongji'), room('mysql/connection')),
      owned('aws-in-dynamodb', 'one place knows the SDK, the signer and the HTTP client', library('@aws-sdk', '@smithy', 'aws4', 'undici'), layer('dynamodb')),
      owned('sqlite-in-state', 'one place knows how state is stored', library('better-sqlite3'), layer('state')),
      owned('yaml-in-config', 'inside, the config is frozen data', library('yaml'), room('config/yaml')),
      owned('zod-at-the-edges', 'what was checked where it came in is typed data inside: the config, answers of the SDK', library('zod'), `${layer('config')}|^src/dynamodb/table/call-answers[.]ts$`),
      owned('commander-in-cli', 'options become plain arguments at the edge', library('commander'), layer('cli')),
      owned('bars-in-listeners', 'progress bars are one way to listen', library('cli-progress'), layer('listeners')),
      owned('child-processes-in-shards', 'one place starts processes and ends them', builtin('child_process', 'worker_threads', 'cluster'), layer('shards')),
      // ---- what a room imports of the others in its layer
      only('waiting-is-waiting', 'it is the same, whatever is waited for', room('core/async'), layer('core'), ['^src/core/errors[.]ts$']),
      only('items-are-of-the-model', 'what is at an item key depends on no event, error or row', room('core/item'), layer('core'), ['^src/core/model[.]ts$']),
      only('capacity-is-arithmetic', 'what is spent and shared is numbers alone', room('core/capacity'), layer('core'), []),
      only('machine-knows-no-run', 'what a machine refuses is the same, whatever runs on it', room('core/machine'), layer('core'), ['^src/core/errors[.]ts$']),
      only('yaml-is-read-first', 'the text of the file is data before anything is checked', room('config/yaml'), layer('config'), ['^src/config/config-fault[.]ts$']),
      only('sqlite-keeps-anything', 'files, versions and locks know no concept that is kept in them', room('state/sqlite'), layer('state'), []),
      only('tables-keep-one-thing', 'a concept of the store knows its tables, and no other place', room('state/tables'), layer('state'), [room('state/sqlite', 'state/home')]),
      owned('status-looks-on', 'nothing that works on a state needs a look beside it', room('state/status'), `${room('state/status')}|^src/(?!state/)`),
      only('connection-is-lowest', 'a session knows no key and no table', room('mysql/connection'), layer('mysql'), [room('mysql/errors')]),
      only('errors-are-sorted-alone', 'what an error means depends on nothing else', room('mysql/errors'), layer('mysql'), []),
      only('keyset-is-below-scans', 'a key is the same whatever it is scanned for', room('mysql/keyset'), layer('mysql'), [room('mysql/connection', 'mysql/errors')]),
      only('scan-looks-at-no-server', 'what a server allows is known before a scan', room('mysql/scan'), layer('mysql'), [room('mysql/connection', 'mysql/errors', 'mysql/keyset'), ownPlace('mysql')]),
      only('failures-are-judged-alone', 'what a failure means depends on nothing else', room('dynamodb/failures'), layer('dynamodb'), []),
      only('http-knows-no-items', 'the wire is the same for writes and reads', room('dynamodb/http'), layer('dynamodb'), [room('dynamodb/failures')]),
      only('capacity-knows-no-requests', 'what may be spent is judged whoever spends it', room('dynamodb/capacity'), layer('dynamodb'), []),
      only('write-without-read', 'the two share a channel and a budget, nothing else', room('dynamodb/write'), layer('dynamodb'), [room('dynamodb/capacity', 'dynamodb/failures', 'dynamodb/http'), ownPlace('dynamodb')]),
      only('read-without-write', 'the two share a channel and a budget, nothing else', room('dynamodb/read'), layer('dynamodb'), [room('dynamodb/capacity', 'dynamodb/failures', 'dynamodb/http'), ownPlace('dynamodb')]),
      only('table-calls-are-rare', 'they go through the SDK, and past what writes and reads', room('dynamodb/table'), layer('dynamodb'), [room('dynamodb/failures', 'dynamodb/http'), ownPlace('dynamodb')]),
      only('pass-serves-any-verb', 'the walk knows none that walks', room('engine/pass'), layer('engine'), []),
      only('claims-are-made-in-passes', 'rows are claimed the same for every verb', room('engine/claims'), layer('engine'), [room('engine/pass')]),
      only('verbs-are-made-of-parts', 'what verbs share knows none of them', room('engine/verb'), layer('engine'), [room('engine/pass', 'engine/claims')]),
      only('retry-moves-rows', 'recorded rows are tried again the same for every verb', room('engine/retry'), layer('engine'), [room('engine/pass', 'engine/claims')]),
      forbidden('verbs-stand-alone', 'a verb is added without touching another', { path: '^src/engine/(?!verbs[.]ts$)[^/]+[.]ts$' }, { path: '^src/engine/[^/]+[.]ts$' }),
      only('verify-compares', 'how two sides are compared depends on no verb', room('engine/verify'), layer('engine'), [room('engine/pass')]),
      only('a-process-knows-no-run', 'how one child process is handled depends on no other', room('shards/process'), layer('shards'), ['^src/shards/protocol[.]ts$']),
      forbidden('report-runs-nothing', 'what is printed is the same for every command', { path: room('cli/report') }, { path: room('cli/commands') }),
      // ---- everywhere
      forbidden('no-cycle', 'modules that need each other are one module', { path: ANY_SOURCE }, { circular: true }),
      forbidden('resolvable', 'an import that leads nowhere escapes every other rule', { path: ANY_SOURCE }, { couldNotResolve: true }),
      forbidden('src-without-tests', 'the tool must run without its tests and fixtures', { path: ANY_SOURCE }, { path: '^(test|fixtures|[.]config)/' }),
      forbidden('no-dev-dependency', 'what is installed for operators has no devDependencies', { path: ANY_SOURCE }, { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] }),
    ],
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      mainFields: ['module', 'main', 'types'],
    },
  },
};
