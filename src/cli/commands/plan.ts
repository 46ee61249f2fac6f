/** `dynaferry plan` estimates what a backfill would do and take. It writes nothing, and keeps nothing. */
import { Command, Option } from 'commander';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { bytes, count, duration, plural } from '../../wording/number-format.js';
import type { ShardEstimate } from '../../wiring/look/estimate-shard.js';
import { addShardOptions, loadConfigOf, shardsOf, wholeNumber, type ShardOptions } from '../common-options.js';
import { writeJson, writeLine, type Io } from '../io.js';
import { lookedAt, printFailed } from '../looked-at.js';
import { printPlaces } from '../print-places.js';
import { stopOnSignals } from '../signals.js';

interface PlanOptions extends ShardOptions {
  readonly sample: number;
}

export function planCommand(io: Io, finish: (code: ExitCode) => void): Command {
  return addShardOptions(new Command('plan'))
    .description('Estimate a backfill: scan key, ranges, rows, item sizes, write units, time. Writes nothing.')
    .addOption(
      new Option('--sample <rows>', 'number of rows to sample from each table')
        .default(500)
        .argParser(wholeNumber(1, 100_000)),
    )
    .addHelpText('after', '\nExample:\n  $ dynaferry plan --shard s01')
    .action(async (options: PlanOptions) => {
      finish(await plan(io, options));
    });
}

async function plan(io: Io, options: PlanOptions): Promise<ExitCode> {
  const config = await loadConfigOf(io, options);
  const shards = await shardsOf(config, options.shard);
  const { estimateShard } = await import('../../wiring/look/estimate-shard.js');
  const { lookAtTargetPlace, placesOf } = await import('../../wiring/look/places.js');
  const { sideBySide } = await import('../../wiring/look/side-by-side.js');
  const stopping = stopOnSignals(io);
  try {
    const servers = new Map<string, string>();
    const [looked, target] = await Promise.all([
      sideBySide(config, shards, stopping.stop, (shard) =>
        estimateShard(config, shard, options.sample, stopping.stop, (server) => servers.set(shard, server)),
      ),
      lookAtTargetPlace(config, stopping.stop),
    ]);
    const places = placesOf(config, shards, target, servers);
    if (!options.json) printPlaces(io, null, places);
    const { found: estimates, failed, exitCode } = lookedAt(looked);
    const units = estimates
      .flatMap((estimate) => estimate.tables)
      .reduce((sum, table) => sum + table.estimatedUnits, 0);
    const total = {
      estimatedUnits: units,
      writeCapacity: config.target.writeCapacity,
      estimatedSeconds: Math.ceil(units / config.target.writeCapacity),
    };
    if (options.json) {
      writeJson(io, { places, shards: estimates, failed, total });
    } else {
      for (const estimate of estimates) printShard(io, estimate);
      printFailed(io, failed);
      const of = failed.length === 0 ? '' : ` (${estimates.length} of ${plural(shards.length, 'shard')})`;
      writeLine(
        io.stdout,
        `total${of}: about ${count(total.estimatedUnits)} write units; ${duration(total.estimatedSeconds)} at ${count(total.writeCapacity)} WCU/s, if the source is fast enough`,
      );
    }
    return exitCode ?? EXIT.done;
  } finally {
    stopping.end();
  }
}

function printShard(io: Io, estimate: ShardEstimate): void {
  for (const table of estimate.tables) {
    writeLine(io.stdout, `${estimate.shard}  ${table.table}`);
    writeLine(
      io.stdout,
      `  scan       ${table.scanKey === null ? 'whole, in one chunk' : `by ${table.scanKey}, ${plural(table.ranges, 'range')}`}, about ${plural(table.estimatedRows, 'row')}`,
    );
    writeLine(
      io.stdout,
      `  items      ${table.itemsPerRow.toFixed(2)} a row; ${bytes(table.averageItemBytes)} on average, ${bytes(table.largestItemBytes)} the largest of ${plural(table.sampledRows, 'sampled row')}`,
    );
    writeLine(
      io.stdout,
      `  writing    about ${count(table.estimatedUnits)} write units, index writes included; ${duration(table.estimatedSeconds)} with all of target.writeCapacity`,
    );
    if (table.expiredInSample > 0)
      writeLine(
        io.stdout,
        `  expired    ${plural(table.expiredInSample, 'row')} of the sample, which the mapping skips`,
      );
    if (table.pastInSample > 0) {
      const items = plural(table.pastInSample, 'item');
      writeLine(
        io.stdout,
        `  ttl        ${items} of the sample expired: TTL deletes them soon after you pay for their writes; \`expired: skip\` leaves them out`,
      );
    }
    if (table.neverExpiringInSample > 0) {
      const items = plural(table.neverExpiringInSample, 'item');
      writeLine(
        io.stdout,
        `  ttl        ${items} of the sample expired more than five years ago: TTL never deletes them`,
      );
    }
    if (table.badRowsInSample > 0) writeLine(io.stdout, `  bad rows   ${count(table.badRowsInSample)} of the sample:`);
    for (const bad of table.badReasons)
      writeLine(io.stdout, `             ${bad.column ?? 'item'}: ${bad.reason}; ${bad.remedy}`);
  }
}
