/**
 * FOLDER RESOURCE [wait]: joins the ledger of the budget, takes what it may, says how much that is, and holds it until
 * told to finish.
 */
import { once } from 'node:events';
import { BudgetLedger } from '../../../../src/state/shared/budget-ledger.js';
import { say, sayFault, untilFinish } from './say.js';

const [folder = '', resource = '', wait] = process.argv.slice(2);
if (wait === 'wait') {
  say('ready');
  await once(process.stdin, 'data');
}
let leave = (): void => undefined;
await sayFault(() => {
  const ledger = BudgetLedger.join({ folder, resource, restMs: 60_000 });
  leave = () => ledger.leave();
  say(String(ledger.look(0).fraction));
});
await untilFinish();
leave();
