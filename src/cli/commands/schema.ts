/** `dynaferry schema` prints the JSON Schema of the config, for editors. */
import { Command } from 'commander';
import { EXIT, type ExitCode } from '../../core/errors.js';
import { writeJson, type Io } from '../io.js';

export function schemaCommand(io: Io, finish: (code: ExitCode) => void): Command {
  return new Command('schema')
    .description('Print the JSON Schema of dynaferry.yaml, for editors.')
    .option('--json', 'has no effect: the output is always JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ dynaferry schema > dynaferry.schema.json\n\nThen start the config with:\n  # yaml-language-server: $schema=./dynaferry.schema.json',
    )
    .action(async () => {
      const { configJsonSchema } = await import('../../config/schema/json-schema.js');
      writeJson(io, configJsonSchema());
      finish(EXIT.done);
    });
}
