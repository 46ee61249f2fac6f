/** Prints what breaks a rule of language: `npm run language [-- PATH-PREFIX...]`. */
import { repositoryFaults } from './repository.js';

const prefixes = process.argv.slice(2);
const faults = repositoryFaults().filter(
  ({ path }) => prefixes.length === 0 || prefixes.some((prefix) => path.startsWith(prefix)),
);
for (const { path, line, fault } of faults) console.log(`${path}:${line}  ${fault}`);
console.log(`${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
