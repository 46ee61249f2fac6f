/** `dynaferry check` is the preflight of config, sources and target. It reports every fault at once. */
import { Command } from 'commander';
import { EXIT, exitOf, type ExitCode } from '../../core/errors.js';
import { addShardOptions, intoExistingOption, loadConfigOf, shardsOf, type ShardOptions } from '../common-options.js';
import { writeJson, writeLine, type Io } from '../io.js';
import { printFindings } from '../print-error.js';
import { linesOf } from '../print-places.js';
import { stopOnSignals } from '../signals.js';

interface CheckOptions extends ShardOptions {
  readonly intoExisting: boolean;
}

export function checkCommand(io: Io, finish: (code: ExitCode) => void): Command {
  return addShardOptions(new Command('check'))
    .description('Check config, sources and target, and report all faults at once. Writes nothing.')
    .addOption(intoExistingOption())
    .addHelpText(
      'after',
      '\nExample:\n  $ dynaferry check -c dynaferry.yaml\n\nExits with the code of the fault that would refuse a run, or 3 if such faults have different codes.',
    )
    .action(async (options: CheckOptions) => {
      finish(await check(io, options));
    });
}

async function check(io: Io, options: CheckOptions): Promise<ExitCode> {
  const config = await loadConfigOf(io, options);
  const shards = await shardsOf(config, options.shard);
  const { preflight } = await import('../../wiring/preflight/preflight.js');
  const { processors } = await import('../../wiring/look/machine.js');
  const stopping = stopOnSignals(io);
  try {
    const report = await preflight(
      config,
      shards,
      {
        ...{ createTable: false, target: true, restarting: [], bindings: true },
        firstWrite: { intoExisting: options.intoExisting },
        jobs: Math.min(processors(), shards.length),
      },
      stopping.stop,
    );
    const errors = report.findings.filter((finding) => finding.level === 'error');
    const warnings = report.findings.length - errors.length;
    if (options.json) {
      const { findings, seen, unseen, shards: looked, places } = report;
      writeJson(io, { ok: errors.length === 0, findings, seen, unseen, places, shards: looked });
    } else {
      for (const line of linesOf(report.places)) writeLine(io.stdout, line);
      for (const line of report.seen) writeLine(io.stdout, `ok    ${line}`);
      for (const line of report.unseen) writeLine(io.stdout, `-     ${line}`);
      printFindings(io.stdout, report.findings);
      writeLine(io.stdout, verdict(errors.length, warnings));
    }
    return errors.length === 0 ? EXIT.done : exitOf(errors);
  } finally {
    stopping.end();
  }
}

function verdict(errors: number, warnings: number): string {
  const warned = warnings === 0 ? '' : `, ${warnings} warning${warnings === 1 ? '' : 's'}`;
  return errors === 0
    ? `check passed${warned}`
    : `check found ${errors} error${errors === 1 ? '' : 's'}${warned}; correct them and check again`;
}
